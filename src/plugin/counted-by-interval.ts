import type { MetricCursor } from '../domain/index.ts';
import type { FreshCounts, MetricInspection, MetricInterval, MetricReading, MetricSource } from './metric-source.ts';
import type { Problem } from './observation.ts';

/** A version that nobody asked for longer is not known. */
const LATELY_MS = 3_600_000;
/** A long gap is asked for in so many pieces at most: a fault in it is not averaged away. */
const MOST_PIECES = 10;

/** After `from` and up to `to`, epoch milliseconds, both multiples of `stepMs`. */
export interface AskedInterval {
  readonly from: number;
  readonly to: number;
}

export interface IntervalAnswer {
  /** By version. A version that is not here got no request. */
  readonly counts: Readonly<Record<string, FreshCounts>>;
  /**
   * Where the newest data end, and the counts with them, if that is before the end of the interval: the rest is asked for
   * again. The start of the interval if it has no data.
   */
  readonly upTo?: number;
}

/** A system that is asked for the counts of an interval: a program, or a monitoring service. */
export interface IntervalSource {
  /** May be asked again. @throws ApplicationFailure `MetricsUnavailable`. The signal's reason when that aborts. */
  count(interval: AskedInterval, signal: AbortSignal): Promise<IntervalAnswer>;
  /** Blue is not among the versions of the last hour: what that means, and what to do. */
  unknownBlue(blue: string, known: readonly string[]): Problem;
}

export interface IntervalFacts {
  /** Intervals begin and end at multiples of it: the length of the system's buckets, or one second. */
  readonly stepMs: number;
  /** How long data take to arrive: what is younger is not asked for. */
  readonly delayMs: number;
  /** How often new data are asked for. */
  readonly pollMs: number;
  /** Whether slow requests are counted. */
  readonly measuresLatency: boolean;
  readonly compared?: { readonly blue: string; readonly green: string };
}

/** Makes a metric source of a system that is asked for intervals: it asks for each moment once, when the data have arrived. */
export function countedByInterval(source: IntervalSource, facts: IntervalFacts): MetricSource {
  const { stepMs, delayMs, pollMs, measuresLatency, compared } = facts;
  const wholeSteps = (ms: number) => Math.ceil(ms / stepMs) * stepMs;
  const newest = () => Math.floor((Date.now() - delayMs) / stepMs) * stepMs;
  let lately: { readonly to: number; readonly answer: IntervalAnswer } | undefined;

  async function read(since: MetricCursor | null, signal: AbortSignal): Promise<MetricReading> {
    signal.throwIfAborted();
    const to = newest();
    if (since === null) {
      const { upTo = to } = await source.count({ from: to - wholeSteps(pollMs), to }, signal); // it has to be readable
      return { cursor: { at: upTo }, intervals: [] };
    }
    const asked: MetricInterval[] = [];
    let dataEnd = since.at;
    for (const piece of pieces(wholeSteps(since.at), to, facts)) {
      const { counts, upTo = piece.to } = await source.count(piece, signal);
      asked.push({ from: asked.at(-1)?.to ?? since.at, to: piece.to, counts });
      if (upTo > piece.from) dataEnd = upTo;
    }
    // What comes before the newest data is complete, also where it is empty.
    const intervals = asked
      .filter(({ from }) => from < dataEnd)
      .map((one) => ({ ...one, to: Math.min(one.to, dataEnd) }));
    return { cursor: { at: dataEnd }, intervals };
  }

  /** Asked for often, and the same until there are new data. */
  async function askLately(signal: AbortSignal) {
    const to = newest();
    if (lately?.to !== to)
      lately = { to, answer: await source.count({ from: to - wholeSteps(LATELY_MS), to }, signal) };
    return lately;
  }

  async function inspect(since: MetricCursor | null, signal: AbortSignal): Promise<MetricInspection> {
    signal.throwIfAborted();
    const {
      to,
      answer: { counts, upTo = to },
    } = await askLately(signal);
    const known = Object.keys(counts);
    const series = Object.fromEntries(
      Object.entries(counts).map(([version, { requests }]) => [version, { version, requests }]),
    );
    const problems = compared && !known.includes(compared.blue) ? [source.unknownBlue(compared.blue, known)] : [];
    const reading = since === null ? { cursor: { at: upTo }, intervals: [] } : await read(since, signal);
    return { ...reading, problems, series, slowAbove: [], clocks: [] };
  }

  return { freshEveryMs: pollMs, measuresLatency, read, inspect };
}

/** From one moment to the other, in whole steps, in pieces as long as a poll or longer. */
function pieces(from: number, to: number, { stepMs, pollMs }: IntervalFacts): readonly AskedInterval[] {
  const number = Math.min(MOST_PIECES, Math.max(1, Math.floor((to - from) / pollMs)));
  const pieceMs = Math.ceil((to - from) / number / stepMs) * stepMs;
  const found = [];
  for (let at = from; at < to; at += pieceMs) found.push({ from: at, to: Math.min(to, at + pieceMs) });
  return found;
}
