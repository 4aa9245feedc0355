import type { Limits } from '../../judge/index.ts';
import { formatSelector, type Matcher } from '../../promql/index.ts';
import type { PrometheusConfig } from './schema.ts';

/** Tells an old process that is new to Prometheus from one that has just started; many targets have it. */
export const PROCESS_START = 'process_start_time_seconds';

/**
 * All series that are needed, and no others, in one selector: what one answer holds was true at one moment. `ends` are
 * the texts of `le` to ask for, as far as they are known. `{le=~"|..."}` is met without a label `le`, too.
 */
export function selectorOf(config: PrometheusConfig, limits: Limits, ends: readonly string[]): string {
  const { requests, latency } = config;
  const names = [
    requests,
    // Under the bare name there are native histograms only.
    ...(latency === undefined ? [] : [latency, `${latency}_sum`, ...(limits.latency ? [`${latency}_bucket`] : [])]),
    PROCESS_START,
  ];
  return formatSelector([
    { label: '__name__', operator: '=~', value: anyOf(names) },
    ...config.selector,
    { label: 'le', operator: '=~', value: `|${anyOf(['+Inf', ...ends])}` },
  ]);
}

/** How many histograms of each version had which bucket in so many milliseconds. */
export function bucketsOf(
  { versionLabel, ...config }: PrometheusConfig & { readonly latency: string },
  lastMs: number,
): string {
  return `count by (${versionLabel}, le) (last_over_time(${seriesOf(config, `${config.latency}_bucket`)}${range(lastMs)}))`;
}

/** The series of one metric, with more conditions where wanted. */
export function seriesOf(
  { selector }: Pick<PrometheusConfig, 'selector'>,
  metric: string,
  more: readonly Matcher[] = [],
): string {
  return formatSelector([{ label: '__name__', operator: '=', value: metric }, ...selector, ...more]);
}

/** A pattern that is met by each of these texts and nothing else. */
export function anyOf(texts: readonly string[]): string {
  return texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
}

/** Whole seconds, rounded up: every dialect knows them. */
export function range(ms: number): string {
  return `[${Math.max(1, Math.ceil(ms / 1_000))}s]`;
}
