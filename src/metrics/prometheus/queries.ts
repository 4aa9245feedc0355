import type { Limits } from '../../judge/index.ts';
import { formatSelector, type Matcher } from '../../promql/index.ts';
import type { Counters, Family } from '../counters.ts';
import { escapePattern } from '../sides.ts';

/** Tells an old process that is new to Prometheus from one that has just started; many targets have it. */
export const PROCESS_START = 'process_start_time_seconds';

/**
 * All series that are needed, and no others, in as few selectors as possible: what one answer holds was true at one moment. The
 * histogram has a selector of its own where the runbook gives it other labels. `ends` are the texts of `le` to ask for, as
 * far as they are known. `{le=~"|..."}` is met without a label `le`, too.
 */
export function selectorsOf(
  { requests, failed, latency }: Counters,
  limits: Limits,
  ends: readonly string[],
): readonly string[] {
  const { metric } = requests;
  const counted = [
    metric,
    // A native histogram has no series of its own for its count.
    ...(metric.endsWith('_count') ? [metric.slice(0, -'_count'.length)] : []),
    ...(failed.by === 'label' ? [] : [failed.metric]),
  ];
  // Under the bare name there are native histograms only.
  const durations = latency
    ? [latency.metric, `${latency.metric}_sum`, ...(limits.latency ? [`${latency.metric}_bucket`] : [])]
    : [];
  const isShared = !latency || JSON.stringify(latency.selector) === JSON.stringify(requests.selector);
  const le: Matcher = { label: 'le', operator: '=~', value: `|${anyOf(['+Inf', ...ends])}` };
  const select = (names: readonly string[], selector: readonly Matcher[]) =>
    formatSelector([
      { label: '__name__', operator: '=~', value: anyOf([...new Set(names)]) },
      ...selector,
      ...(names.some((name) => durations.includes(name)) ? [le] : []),
    ]);
  return isShared
    ? [select([...counted, ...durations, PROCESS_START], requests.selector)]
    : [select([...counted, PROCESS_START], requests.selector), select(durations, latency.selector)];
}

/** How many histograms of each version had which bucket in so many milliseconds. */
export function bucketsOf(latency: Family, lastMs: number): string {
  const series = seriesOf(latency, `${latency.metric}_bucket`);
  return `count by (${[...byOf(latency), 'le'].join(', ')}) (last_over_time(${series}${range(lastMs)}))`;
}

/** The labels that a sum has to keep, so that it can still be said which version it is of. */
export function byOf({ sides, join }: Pick<Family, 'sides' | 'join'>): string[] {
  return [...new Set([...sides.by, ...(join?.on ?? [])])];
}

/** The series of one metric, with more conditions where wanted. */
export function seriesOf(
  { selector }: Pick<Family, 'selector'>,
  metric: string,
  more: readonly Matcher[] = [],
): string {
  return formatSelector([{ label: '__name__', operator: '=', value: metric }, ...selector, ...more]);
}

/** A pattern that is met by each of these texts and nothing else. */
export function anyOf(texts: readonly string[]): string {
  return texts.map(escapePattern).join('|');
}

/** Whole seconds, rounded up: every dialect knows them. */
export function range(ms: number): string {
  return `[${Math.max(1, Math.ceil(ms / 1_000))}s]`;
}
