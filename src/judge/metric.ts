import { percent } from '../format/index.ts';
import { type Counts, type Limits, timedOf } from './rules.ts';

/** One of the two things that have a limit, and how to speak of it. */
export interface Metric {
  readonly name: 'errors' | 'latency';
  /** Largest allowed share of `bad` in `all`. */
  readonly limit: number;
  readonly all: (counts: Counts) => number;
  readonly bad: (counts: Counts) => number;
  /** "green {did} 212 of 1,040 requests" */
  readonly did: (part: string) => string;
  /** "blue {none}": it has none of `all`. */
  readonly none: string;
  readonly limitWords: string;
  /** Whether bad ones over the limit prove a breach: not where they were counted by a stricter line. */
  readonly provesBreach: boolean;
}

export const NO_TRAFFIC = 'had no traffic';

/**
 * What is judged. `quantile` of the requests within `underMs` is the same as: at most `1 - quantile` of them over it;
 * a share needs no estimate of the quantile.
 */
export function metricsOf({ errorRate, latency }: Limits): Metric[] {
  const errors: Metric = {
    name: 'errors',
    limit: errorRate,
    all: ({ requests }) => requests,
    bad: ({ failed }) => failed,
    did: (part) => `failed ${part}`,
    none: NO_TRAFFIC,
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
      all: timedOf,
      bad: ({ slow }) => slow,
      did: (part) => `took longer than ${underMs} ms for ${part}`,
      none: 'had no timed requests',
      limitWords: `the limit is ${percent(1 - quantile)}, since ${percent(quantile)} have to be within ${underMs} ms`,
      provesBreach: !isStricter,
    },
  ];
}
