import { extensionMs } from '../domain/index.ts';
import type { HistoryInterval } from '../plugin/index.ts';
import { type Rate, rateOver } from './estimates.ts';
import type { HistorySoak } from './history.ts';
import type { Random } from './random.ts';
import { type Rehearsed, type RehearsedStep, rehearseRelease } from './release.ts';
import { allToGreen, splitCounts } from './split.ts';
import type { SoakTotal } from './summary.ts';

/** What became of releases that are exactly as good as the past was. */
export interface Healthy {
  readonly releases: number;
  /** How often each soak of the past was split anew. */
  readonly rounds: number;
  /** For a breach or for want of proof: every one of these is a mistake, or due to an incident of the past. */
  readonly rolledBack: Rate;
  /** Breached, says the judge. */
  readonly breached: Rate;
  /** Not proven healthy in the longest soak. */
  readonly unproven: Rate;
  /** Of those rolled back: in soaks in which the past itself, all of its traffic as green, would have been, too. */
  readonly rolledBackLikePast: number;
  /** Not proven healthy when the soak was to end, and extended. */
  readonly extended: Rate;
  /** Why, with an example of the judge's words for each kind; the most frequent first. */
  readonly doubts: readonly { readonly releases: number; readonly example: string }[];
  /** Each soak of the past. */
  readonly soaks: readonly RehearsedSoak[];
}

export interface RehearsedSoak extends SoakTotal {
  readonly releases: number;
  readonly breached: number;
  readonly unproven: number;
  readonly extended: number;
  /** How many are neither proven nor rolled back because the past ends before their extension does. */
  readonly cut: number;
  /** The past itself, all of its traffic as green, would have been rolled back. */
  readonly pastRolledBack: boolean;
  /** Why the first one was rolled back, in the judge's words. */
  readonly reason?: string;
}

type Fate = 'in-time' | 'late' | 'breached' | 'unproven' | 'cut';

export function rehearseHealthy(
  soaks: readonly HistorySoak[],
  given: {
    readonly step: RehearsedStep;
    readonly totals: readonly SoakTotal[];
    readonly rounds: number;
    readonly random: Random;
  },
  progress: (done: number) => void,
): Healthy {
  const { step, totals, rounds, random } = given;
  const doubts = new Map<string, { releases: number; example: string }>();
  const rehearsed = soaks.map((soak, index): RehearsedSoak => {
    progress(index / soaks.length);
    const endings = Array.from({ length: rounds }, () => {
      const split = (interval: HistoryInterval) => splitCounts(interval, step.share, random);
      const ending = rehearseRelease(soak, step, { split, goOn: false });
      return { ...ending, fate: fateOf(ending, step) };
    });
    const count = (...fates: readonly Fate[]) => endings.filter(({ fate }) => fates.includes(fate)).length;
    for (const { fate, doubt } of endings)
      if (doubt !== undefined && fate !== 'breached' && fate !== 'in-time') addDoubt(doubts, doubt);
    const first = endings.find(({ fate }) => isRolledBack(fate));
    const reason = first?.reason ?? first?.doubt;
    const pastItself = rehearseRelease(soak, { ...step, share: 1 }, { split: allToGreen, goOn: false });
    return {
      ...(totals[index] ?? { at: soak.at, requests: 0, failed: 0, slow: 0 }),
      releases: rounds,
      breached: count('breached'),
      unproven: count('unproven'),
      extended: count('late', 'unproven', 'cut'),
      cut: count('cut'),
      pastRolledBack: isRolledBack(fateOf(pastItself, step)),
      ...(reason !== undefined && { reason }),
    };
  });

  const rate = (hits: (soak: RehearsedSoak) => number, trials = ({ releases }: RehearsedSoak) => releases) =>
    rateOver(rehearsed.map((soak) => ({ hits: hits(soak), trials: trials(soak) })));
  // Where the past ended before the extension did, nobody knows.
  const known = ({ releases, cut }: RehearsedSoak) => releases - cut;
  return {
    releases: soaks.length * rounds,
    rounds,
    rolledBack: rate(rolledBackIn, known),
    breached: rate(({ breached }) => breached),
    unproven: rate(({ unproven }) => unproven, known),
    rolledBackLikePast: rehearsed.reduce((sum, soak) => sum + (soak.pastRolledBack ? rolledBackIn(soak) : 0), 0),
    extended: rate(({ extended }) => extended),
    doubts: [...doubts.values()].sort((a, b) => b.releases - a.releases),
    soaks: rehearsed,
  };
}

export function rolledBackIn({ breached, unproven }: Pick<RehearsedSoak, 'breached' | 'unproven'>): number {
  return breached + unproven;
}

function isRolledBack(fate: Fate): boolean {
  return fate === 'breached' || fate === 'unproven';
}

function fateOf({ breachedMs, healthyMs, watchedMs }: Rehearsed, { soakMs, maxSoakMs, watch }: RehearsedStep): Fate {
  if (breachedMs !== undefined) return 'breached';
  // The poll that ends a soak may come a little late; one that ends at its first chance to is in time.
  if (healthyMs !== undefined) return healthyMs < soakMs + extensionMs(0, watch) ? 'in-time' : 'late';
  return watchedMs >= maxSoakMs ? 'unproven' : 'cut';
}

/** Reasons that differ in nothing but numbers are of one kind. */
function addDoubt(doubts: Map<string, { releases: number; example: string }>, doubt: string): void {
  const kind = doubt.replace(/\d[\d.,]*/g, '#');
  const known = doubts.get(kind) ?? { releases: 0, example: doubt };
  doubts.set(kind, { ...known, releases: known.releases + 1 });
}
