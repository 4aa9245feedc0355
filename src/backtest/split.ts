import { type BothCounts, type Counts, NO_COUNTS, timedOf } from '../judge/index.ts';
import { binomial, hypergeometric, type Random } from './random.ts';

/**
 * The requests of one interval as a router would have shared them out: each goes to green with the chance `share`,
 * whatever became of it. So a release that is exactly as good as the past was takes green's part; what was bad at the same
 * time stays at the same time. `all` holds whole numbers.
 */
export function splitCounts(all: Counts, share: number, random: Random): BothCounts {
  const requests = binomial(all.requests, share, random);
  const timed = all.timed === undefined ? undefined : binomial(all.timed, share, random);
  const green = {
    requests,
    failed: hypergeometric(all.requests, all.failed, requests, random),
    slow: hypergeometric(timedOf(all), all.slow, timed ?? requests, random),
    ...(timed !== undefined && { timed }),
  };
  const blue = {
    requests: all.requests - green.requests,
    failed: all.failed - green.failed,
    slow: all.slow - green.slow,
    ...(timed !== undefined && { timed: timedOf(all) - timed }),
  };
  return { green, blue };
}

/** The past itself as green. */
export function allToGreen(all: Counts): BothCounts {
  return { green: all, blue: NO_COUNTS };
}

/** A release that fails each request that would have gone well with the chance `added`. */
export function withFailures({ green, blue }: BothCounts, added: number, random: Random): BothCounts {
  const more = binomial(green.requests - green.failed, added, random);
  return { green: { ...green, failed: green.failed + more }, blue };
}
