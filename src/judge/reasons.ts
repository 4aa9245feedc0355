import { pairOf } from './counts.ts';
import type { Stretch } from './metric-evidence.ts';
import type { Counts, Limits } from './rules.ts';
import type { BothCounts, Run } from './threshold.ts';

/** One of the two things that have a limit, and how to speak of it. */
export interface Metric {
  readonly name: 'errors' | 'latency';
  /** Largest allowed share of `bad` in all requests. */
  readonly limit: number;
  readonly bad: (counts: Counts) => number;
  /** "green {did} 212 of 1,040 requests" */
  readonly did: (part: string) => string;
  readonly limitWords: string;
  /** Whether bad ones over the limit prove a breach: not where they were counted by a stricter line. */
  readonly provesBreach: boolean;
}

/**
 * What is judged. `quantile` of the requests within `underMs` is the same as: at most `1 - quantile` of them over it;
 * a share needs no estimate of the quantile.
 */
export function metricsOf({ errorRate, latency }: Limits): Metric[] {
  const errors: Metric = {
    name: 'errors',
    limit: errorRate,
    bad: ({ failed }) => failed,
    did: (part) => `failed ${part}`,
    limitWords: `the limit is ${percent(errorRate)}`,
    provesBreach: true,
  };
  if (!latency) return [errors];
  const { quantile, underMs, isStricter } = latency;
  return [
    errors,
    {
      name: 'latency',
      limit: 1 - quantile,
      bad: ({ slow }) => slow,
      did: (part) => `took longer than ${underMs} ms for ${part}`,
      limitWords: `the limit is ${percent(1 - quantile)}, since ${percent(quantile)} have to be within ${underMs} ms`,
      provesBreach: !isStricter,
    },
  ];
}

export function breachWords(metric: Metric, run: Run): string {
  return `${shareWords(metric, run)}, over ${batches(run.batches)}`;
}

export function pendingWords(metric: Metric, run: Run, needed: number): string {
  return `${shareWords(metric, run)}, over ${batches(run.batches)}; a breach is proven after ${needed}`;
}

/** "green failed 0 of 1,040 requests (0 %) in 600 s; the limit is 5 %" */
export function healthyWords(
  metrics: readonly Metric[],
  { green, ms }: { readonly green: Counts; readonly ms: number },
): string {
  const parts = metrics.map(
    ({ did, bad, limitWords }, index) =>
      `${did(outOf(bad(green), green.requests))}${index === 0 ? ` in ${seconds(ms)}` : ''}; ${limitWords}`,
  );
  return `green ${parts.join('. It ')}`;
}

/** As `stretchWords`, of the counts of all metrics. */
export function shareWords(metric: Metric, { green, blue, ms }: BothCounts & { readonly ms: number }): string {
  return stretchWords(metric, { ...pairOf(metric, { green, blue }), ms });
}

/** "green failed 212 of 1,040 requests (20.4 %) in 45 s; the limit is 5 %; blue 1 of 1,012 (0.0988 %)" */
export function stretchWords({ did, limitWords }: Metric, counts: Stretch): string {
  const { greenAll, greenBad, blueAll, blueBad, ms } = counts;
  const green = greenAll === 0 ? 'green had no traffic' : `green ${did(outOf(greenBad, greenAll))}`;
  const blue = blueAll === 0 ? 'blue had no traffic' : `blue ${outOf(blueBad, blueAll)}`;
  return `${green} in ${seconds(ms)}; ${limitWords}; ${blue}`;
}

export function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s`;
}

function batches(count: number): string {
  return count === 1 ? '1 batch' : `${count} batches in a row`;
}

function outOf(part: number, whole: number): string {
  return `${grouped(part)} of ${grouped(whole)} requests (${percent(part / whole)})`;
}

/** Three significant digits, and no more than are needed: `20.4 %`, `5 %`. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** `2,310` */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}
