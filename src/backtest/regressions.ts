import { extensionMs } from '../domain/index.ts';
import { type Rate, rateOver, type Tally } from './estimates.ts';
import type { HistorySoak } from './history.ts';
import type { Random } from './random.ts';
import { type RehearsedStep, rehearseRelease } from './release.ts';
import { splitCounts, withFailures } from './split.ts';

/** What became of releases that fail `added` of the requests that would have gone well, from the first moment on. */
export interface Regression {
  readonly added: number;
  readonly releases: number;
  /** Rolled back before the soak was to end. */
  readonly foundInSoak: Rate;
  /** Declared healthy when it ended. */
  readonly passed: Rate;
  /** When half of them, and 95 of 100, were found; missing: they were not within `watchedMs`. */
  readonly medianMs?: number;
  readonly mostMs?: number;
  /** How long they were watched, as if the soak were so long. */
  readonly watchedMs: number;
  /** Which share was found after which time, for a curve. */
  readonly curve: readonly { readonly ms: number; readonly found: number }[];
}

const ADDED = [0.01, 0.02, 0.05, 0.1, 0.2] as const;
const CURVE_POINTS = 40;
/** As in src/judge/power.ts: "found" is a promise that is kept in 95 of 100 cases. */
const MOST = 0.95;

export function rehearseRegressions(
  soaks: readonly HistorySoak[],
  { step, rounds, random }: { readonly step: RehearsedStep; readonly rounds: number; readonly random: Random },
  progress: (done: number) => void,
): Regression[] {
  // A soak that the end of the past cuts short cannot say when a regression would have been found.
  const whole = soaks.filter(({ at, intervals }) => (intervals.at(-1)?.to ?? at) >= at + step.maxSoakMs);
  const [watched, watchedMs] = 2 * whole.length >= soaks.length ? [whole, step.maxSoakMs] : [soaks, step.soakMs];
  return ADDED.map((added, index) => {
    const found: number[] = [];
    const inSoak: Tally[] = [];
    const passed: Tally[] = [];
    for (const [done, soak] of watched.entries()) {
      progress((index + done / watched.length) / ADDED.length);
      let [foundNow, passedNow] = [0, 0];
      for (let round = 0; round < rounds; round += 1) {
        const { breachedMs, healthyMs } = rehearseRelease(
          soak,
          { ...step, maxSoakMs: watchedMs },
          { split: (interval) => withFailures(splitCounts(interval, step.share, random), added, random), goOn: true },
        );
        if (breachedMs !== undefined) found.push(breachedMs);
        if (healthyMs !== undefined && healthyMs < step.soakMs + extensionMs(0, step.watch)) passedNow += 1;
        else if (breachedMs !== undefined && breachedMs <= step.soakMs) foundNow += 1;
      }
      inSoak.push({ hits: foundNow, trials: rounds });
      passed.push({ hits: passedNow, trials: rounds });
    }
    return summarise(found, { added, watchedMs, releases: watched.length * rounds, inSoak, passed });
  });
}

function summarise(
  found: readonly number[],
  given: {
    readonly added: number;
    readonly watchedMs: number;
    readonly releases: number;
    readonly inSoak: readonly Tally[];
    readonly passed: readonly Tally[];
  },
): Regression {
  const { added, watchedMs, releases, inSoak, passed } = given;
  const sorted = found.toSorted((a, b) => a - b);
  const after = (part: number): number | undefined => sorted[Math.ceil(part * releases) - 1];
  const [medianMs, mostMs] = [after(0.5), after(MOST)];
  return {
    added,
    releases,
    foundInSoak: rateOver(inSoak),
    passed: rateOver(passed),
    ...(medianMs !== undefined && { medianMs }),
    ...(mostMs !== undefined && { mostMs }),
    watchedMs,
    curve: Array.from({ length: CURVE_POINTS + 1 }, (_, point) => {
      const ms = (watchedMs * point) / CURVE_POINTS;
      return { ms, found: sorted.filter((foundMs) => foundMs <= ms).length / releases };
    }),
  };
}
