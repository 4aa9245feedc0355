import { outOf, seconds } from '../format/index.ts';
import { type BothCounts, pairOf, type Run } from './counts.ts';
import type { Metric } from './metric.ts';
import type { Stretch } from './metric-evidence.ts';
import type { Counts } from './rules.ts';

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
    ({ did, all, bad, limitWords }, index) =>
      `${did(outOf(bad(green), all(green)))}${index === 0 ? ` in ${seconds(ms)}` : ''}; ${limitWords}`,
  );
  return `green ${parts.join('. It ')}`;
}

/** As `stretchWords`, of the counts of all metrics. */
export function shareWords(metric: Metric, { green, blue, ms }: BothCounts & { readonly ms: number }): string {
  return stretchWords(metric, { ...pairOf(metric, { green, blue }), ms });
}

/** How to speak of a metric; without a limit `limitWords` is empty. */
export type Words = Pick<Metric, 'did' | 'none' | 'limitWords'>;

/** "green failed 212 of 1,040 requests (20.4 %) in 45 s; the limit is 5 %; blue 1 of 1,012 (0.0988 %)" */
export function stretchWords({ did, none, limitWords }: Words, counts: Stretch): string {
  const { greenAll, greenBad, blueAll, blueBad, ms } = counts;
  const green = greenAll === 0 ? `green ${none}` : `green ${did(outOf(greenBad, greenAll))}`;
  const blue = blueAll === 0 ? `blue ${none}` : `blue ${outOf(blueBad, blueAll)}`;
  return [`${green} in ${seconds(ms)}`, ...(limitWords === '' ? [] : [limitWords]), blue].join('; ');
}

function batches(count: number): string {
  return count === 1 ? '1 batch' : `${count} batches in a row`;
}
