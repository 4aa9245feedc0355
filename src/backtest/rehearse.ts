import { HistoryError, type TrafficHistory } from '../plugin/index.ts';
import { type Healthy, rehearseHealthy } from './healthy-releases.ts';
import { cutSoaks, usualLength } from './history.ts';
import { seededRandom } from './random.ts';
import { type Regression, rehearseRegressions } from './regressions.ts';
import { atResolution, type RehearsedStep } from './release.ts';
import { type PastSummary, soakTotal, summarise } from './summary.ts';

/** What came of rehearsing the runbook's first step on the past: what `bluegreen rehearse --json` prints. */
export interface Backtest {
  readonly step: RehearsedStep;
  readonly seed: number;
  readonly past: PastSummary;
  readonly healthy: Healthy;
  readonly regressions: readonly Regression[];
  readonly notices: readonly string[];
}

export interface RehearsalOptions {
  readonly step: RehearsedStep;
  /** How often each soak is split anew. */
  readonly rounds?: number;
  readonly seed: number;
  /** Called now and then, from 0 to 1. */
  readonly progress?: (done: number) => void;
}

const ROUNDS = 200;
/** More rehearsals of the same past make nothing surer: what scatters is the past (see `rateOver`). */
const ENOUGH_RELEASES = 10_000;
/** Regressions are rehearsed so often in all, each: the share that is found is then known to about 3 points. */
const ENOUGH_REGRESSIONS = 1_000;
/** Of all the work, those of the healthy releases. */
const HEALTHY_PART = 0.6;

/** @throws PastError when the past holds no whole soak, or no request. */
export function runBacktest(past: TrafficHistory, options: RehearsalOptions): Backtest {
  const { rounds, seed, progress = () => {} } = options;
  const step = { ...options.step, rules: atResolution(options.step.rules, usualLength(past.intervals)) };
  const soaks = cutSoaks(past.intervals, step);
  if (soaks.length === 0)
    throw new HistoryError(
      `The past is too short: its longest stretch without a gap is ${minutes(longest(past))}, and one soak takes ` +
        `${minutes(step.soakMs)}. Ask for more of it (--last).`,
    );
  const totals = soaks.map((soak) => soakTotal(soak, step.soakMs));
  const summary = summarise(past.intervals, totals, step.rules.limits);
  if (summary.total.requests === 0)
    throw new HistoryError('The past holds no request: there is nothing to rehearse on. Is it the right service?');

  // Halves of one whole are all alike.
  const times = step.share >= 1 ? 1 : (rounds ?? Math.min(ROUNDS, Math.ceil(ENOUGH_RELEASES / soaks.length)));
  const random = seededRandom(seed);
  const healthy = rehearseHealthy(soaks, { step, totals, rounds: times, random }, (done) =>
    progress(done * HEALTHY_PART),
  );
  const regressions = rehearseRegressions(
    soaks,
    { step, rounds: Math.min(Math.max(times, 1), Math.ceil(ENOUGH_REGRESSIONS / soaks.length)), random },
    (done) => progress(HEALTHY_PART + done * (1 - HEALTHY_PART)),
  );
  return { step, seed, past: summary, healthy, regressions, notices: past.notices };
}

function longest({ intervals }: TrafficHistory): number {
  let [most, since, before] = [0, 0, Number.NaN];
  for (const { from, to } of intervals) {
    if (from !== before) since = from;
    before = to;
    most = Math.max(most, to - since);
  }
  return most;
}

function minutes(ms: number): string {
  return `${Number((ms / 60_000).toFixed(1))} minutes`;
}
