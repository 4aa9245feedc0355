export type { Check, CheckContext, Finding } from './check.ts';
export type { Inspection, LabelValues, MetricSource, Range, VersionSeries } from './metric-source.ts';
export type { Evidence, Platform, TrafficShares } from './platform.ts';
export type { Remedy } from './remedy.ts';
