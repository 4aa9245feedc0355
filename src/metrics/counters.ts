import { metricsUnavailable, type Slots } from '../plugin/index.ts';
import type { Matcher } from '../promql/index.ts';
import { messageOf } from '../util/index.ts';
import { unitsPerSecond } from './duration-unit.ts';
import { type FailureRule, failureRule } from './failure.ts';
import { type CountersConfig, hasSlot, type LatencyConfig } from './schema.ts';
import { type Compared, type Join, type Sides, type SidesConfig, sidesOf } from './sides.ts';

/** What is read of a runbook's counters, and what each of them means. */
export interface Counters {
  readonly requests: Family;
  readonly failed: FailedBy;
  readonly latency?: Histogram;
}

/** One metric of the service. */
export interface Family {
  readonly metric: string;
  /** The series of the service. */
  readonly selector: readonly Matcher[];
  readonly sides: Sides;
  readonly join?: Join | undefined;
}

export interface Histogram extends Family {
  /** How many of its units a second has. */
  readonly perSecond: number;
}

type FailedBy =
  | { readonly by: 'label'; readonly label: string; readonly rule: FailureRule }
  /** A second metric counts the failed requests, or the answered ones. */
  | { readonly by: 'failed' | 'answered'; readonly metric: string };

/** @throws Error if blue and green cannot be distinguished. */
function countersOf(config: CountersConfig, compared: Compared | undefined, slots?: Slots): Counters {
  const family = (
    metric: string,
    keys: SidesConfig & { readonly selector?: readonly Matcher[] | undefined },
  ): Family => ({
    metric,
    selector: keys.selector ?? [],
    sides: sidesOf(keys, compared, slots),
    join: keys.join,
  });
  const latency = latencyOf(config);
  return {
    requests: family(config.requests, config),
    failed: failedBy(config),
    ...(latency && {
      latency: { ...family(latency.metric, latency), perSecond: unitsPerSecond(latency.metric, latency.unit) },
    }),
  };
}

/** What the histogram's own keys say, and else those of the requests: one way of telling versions apart replaces another. */
export function latencyOf(config: CountersConfig): Exclude<LatencyConfig, string> | undefined {
  const { latency, selector, versionLabel, versionValue, slotLabel, slotValue, versionSelector, join } = config;
  if (latency === undefined) return undefined;
  const own = typeof latency === 'string' ? { metric: latency } : latency;
  const hasSides = 'versionLabel' in own || 'slotLabel' in own || 'versionSelector' in own;
  return {
    selector,
    join,
    versionValue,
    slotValue,
    ...(!hasSides && { versionLabel, slotLabel, versionSelector }),
    ...own,
  };
}

/**
 * The counters of two versions, once it is known where they run: asked of the router where the runbook counts by slot.
 * @throws ApplicationFailure `MetricsUnavailable` if that is not known, or they cannot be distinguished.
 */
export function countersFor(
  config: CountersConfig,
  compared: Compared | undefined,
  slots?: (signal: AbortSignal) => Promise<Slots>,
): (signal: AbortSignal) => Promise<Counters> {
  let known: Counters | undefined;
  return async (signal) => {
    if (known) return known;
    const bySlot = needsSlots(config) && compared !== undefined;
    if (bySlot && !slots)
      throw metricsUnavailable('metrics are counted by slot, and nothing says which version runs in which slot');
    const found = bySlot ? await slots?.(signal) : undefined;
    try {
      return (known = countersOf(config, compared, found));
    } catch (error) {
      throw metricsUnavailable(messageOf(error));
    }
  };
}

/** Whether the router has to say which version runs in which slot. */
function needsSlots(config: CountersConfig): boolean {
  return [config, latencyOf(config)].some((keys) => keys !== undefined && countsBySlot(keys));
}

/** Whether these keys of a runbook's `metrics` say in which slot requests are counted. */
export function countsBySlot(keys: object): boolean {
  const { slotLabel, versionSelector }: SidesConfig = keys;
  return slotLabel !== undefined || hasSlot(versionSelector);
}

function failedBy({ failed, codeLabel }: CountersConfig): FailedBy {
  if (typeof failed === 'object' && 'counter' in failed) return { by: 'failed', metric: failed.counter };
  if (typeof failed === 'object' && 'answeredCounter' in failed)
    return { by: 'answered', metric: failed.answeredCounter };
  return { by: 'label', label: codeLabel, rule: failureRule(failed) };
}
