import { grouped, seconds } from '../format/index.ts';
import { type Pair, shareOf } from './likelihood-ratios.ts';
import type { Metric } from './metric.ts';
import type { Stretch } from './metric-evidence.ts';
import { CONFIDENCE } from './power.ts';
import { stretchWords, type Words } from './reasons.ts';
import { chanceOfAtMost } from './special-functions.ts';

/** What is still missing for the proof of health, for the person who waits for it. */

/** The rate of so short a time says little about the rest. */
const ENOUGH_FOR_A_RATE_MS = 60_000;
/** Nobody waits for more. */
const MOST_REQUESTS = 1e9;

/**
 * How many of green's requests in all prove that its bad share is under `limit`, if it goes on as it is (the 95 %
 * Clopper-Pearson bound, as the verdict has it). Undefined: no number does, since the share is at the limit or over it.
 */
export function requestsForProof({ greenAll, greenBad }: Pair, limit: number, minRequests: number): number | undefined {
  const share = shareOf(greenBad, greenAll);
  const isEnough = (requests: number) => chanceOfAtMost(share * requests, requests, limit) < 1 - CONFIDENCE;
  if (share >= limit) return undefined;
  let enough = Math.max(1, minRequests);
  if (isEnough(enough)) return enough;
  let tooFew = enough;
  while (!isEnough(enough)) {
    if (enough > MOST_REQUESTS) return undefined;
    tooFew = enough;
    enough *= 2;
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (isEnough(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

/** What is still missing for the proof of health, in words, and how much time it needs at this rate, where that can be said. */
export interface Unproven {
  readonly reason: string;
  readonly missingMs?: number;
}

/** `healthy so far: 2,310 of about 3,000 requests needed for proof (about 42 s more at this rate); green failed ...` */
export function unproven(
  metric: Words & Pick<Metric, 'limit'>,
  soak: Stretch,
  { minRequests, longestMs }: { readonly minRequests: number; readonly longestMs: number | null },
): Unproven {
  const needed = requestsForProof(soak, metric.limit, minRequests);
  const counts = stretchWords(metric, soak);
  if (needed === undefined)
    return { reason: `${counts}: with this share no number of requests proves that green is within the limit` };
  const leftMs = soak.greenAll > 0 ? ((needed - soak.greenAll) / soak.greenAll) * soak.ms : 0;
  const rate = leftMs > 0 ? ` (about ${seconds(leftMs)} more at this rate)` : '';
  const neededMs = soak.ms + leftMs;
  const isTooLittle = longestMs !== null && soak.ms >= ENOUGH_FOR_A_RATE_MS && neededMs > longestMs;
  const tooLittle = isTooLittle
    ? `; too little traffic: the longest soak is ${seconds(longestMs)}, and ends without proof unless green gets ${Number((neededMs / longestMs).toPrecision(2))} times as many requests; a longer soak or a larger share for green would help`
    : '';
  return {
    reason: `healthy so far: ${grouped(soak.greenAll)} of about ${grouped(needed)} requests needed for proof${rate}; ${counts}${tooLittle}`,
    ...(leftMs > 0 ? { missingMs: Math.ceil(leftMs) } : {}),
  };
}
