export { type Compared, isBelow, isSame, isWithin } from './bucket-ends.ts';
export { advance, otherVersions } from './counts.ts';
export { apartMs, createMetricSource } from './create-source.ts';
export { unitsPerSecond } from './duration-unit.ts';
export { metricsProblems } from './preflight.ts';
export { withinOf } from './prometheus/buckets.ts';
export { anyOf, range } from './prometheus/queries.ts';
export { connect } from './prometheus/source.ts';
export { ANSWERED_PROMQL, isFailed, isStatus } from './status-codes.ts';
