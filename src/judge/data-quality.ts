import { grouped, seconds } from '../format/index.ts';
import { type BothCounts, NOTHING } from './counts.ts';
import type { Interval, Judgement, VerdictCode } from './judgement.ts';
import { type SequentialRules, type SoakFacts, timedOf } from './rules.ts';
import { isByChance, missingTime, NO_TIME, type SoakClock } from './soak-clock.ts';

/** Who was there in this soak: metrics, traffic, green's targets, and the share that green got. Plain JSON. */
export interface DataQuality {
  readonly from: number;
  /** When the traffic was set right since; missing where nobody has moved it. */
  readonly setRightAt?: number;
  /** Before it green had no customers: whatever asked it until then says nothing about the release. */
  readonly isFirst: boolean;
  readonly soakMs: number | null;
  readonly longestSoakMs: number | null;
  readonly greenShare: number | null;
  /** Blue's share of the requests in the soak before; missing where nothing was counted in it. */
  readonly blueShareBefore?: number;
  readonly clock: SoakClock;
  /** How long blue has now been over a limit. */
  readonly heldMs: number;
  /** What the soak counted, and over which time. */
  readonly counts: BothCounts & { readonly ms: number };
  /** The end of the newest interval, and of the newest in which a version was asked anything. */
  readonly seenAt: number | null;
  readonly greenSeenAt: number | null;
  /** The end of the newest interval with durations of green. */
  readonly greenTimedAt: number | null;
  readonly blueSeenAt: number | null;
  /** Blue's requests since green was asked last. */
  readonly blueAlone: number;
  /** Readings in a row in which green's targets did not report while blue's did, and the time they cover. */
  readonly dark: number;
  readonly darkMs: number;
  readonly restarts: Readonly<Record<string, number>>;
  /** Requests of both versions since the router has had its time, lately: green, blue. */
  readonly split: readonly (readonly [to: number, green: number, blue: number])[];
}

/** So unlikely that green has no request by luck: 14 are expected, e^-14 is under one in a million. */
const MISSED_REQUESTS = 14;
/** One missed scrape is no dead green, nor are two targets that are scraped at different moments. */
const DARK_READINGS = 3;
const DARK_MS = 30_000;
const RESTARTS = 2;
/** As much as two minutes of split, in so many parts. */
const SPLIT_MS = 120_000;
const SPLIT_PARTS = 8;
/** The odds for green may be off by this factor before the split counts as wrong. */
const SPLIT_TOLERANCE = 2;
const SPLIT_EVIDENCE = Math.log(1e4);

export function newDataQuality(
  at: number,
  { soakMs, longestSoakMs, greenShare }: SoakFacts,
  before?: DataQuality,
): DataQuality {
  return {
    from: at,
    isFirst: before === undefined,
    soakMs: soakMs ?? null,
    longestSoakMs: longestSoakMs ?? null,
    greenShare: greenShare ?? null,
    ...blueShareOf(before?.counts),
    clock: NO_TIME,
    heldMs: before?.heldMs ?? 0,
    counts: { ...NOTHING, ms: 0 },
    seenAt: null,
    greenSeenAt: null,
    greenTimedAt: null,
    blueSeenAt: null,
    blueAlone: 0,
    dark: before?.dark ?? 0,
    darkMs: before?.darkMs ?? 0,
    restarts: before?.restarts ?? {},
    split: [],
  };
}

function blueShareOf(counts: BothCounts | undefined): Pick<DataQuality, 'blueShareBefore'> {
  const requests = counts ? counts.green.requests + counts.blue.requests : 0;
  return counts && requests > 0 ? { blueShareBefore: counts.blue.requests / requests } : {};
}

/** Whether an interval holds requests from before the soak, or from during the shift: those are none of the soak's. */
export function isBeforeSoak({ from }: DataQuality, interval: { readonly from: number }): boolean {
  return interval.from < from;
}

export function addDataQuality(before: DataQuality, interval: Interval): DataQuality {
  const { from, to, green, blue } = interval;
  const later = (seenAt: number | null) => Math.max(seenAt ?? to, to);
  const seenAt = later(before.seenAt);
  if (isBeforeSoak(before, interval)) return { ...before, seenAt };
  const restarts = { ...before.restarts };
  for (const [target, count] of Object.entries(interval.greenRestarts ?? {}))
    restarts[target] = (restarts[target] ?? 0) + count;
  if (interval.greenDark)
    return {
      ...before,
      seenAt,
      restarts,
      blueSeenAt: blue.requests > 0 ? later(before.blueSeenAt) : before.blueSeenAt,
      dark: before.dark + 1,
      darkMs: before.darkMs + Math.max(0, to - from),
    };
  return {
    ...before,
    dark: 0,
    darkMs: 0,
    seenAt,
    greenSeenAt: green.requests > 0 ? later(before.greenSeenAt) : before.greenSeenAt,
    greenTimedAt: timedOf(green) > 0 ? later(before.greenTimedAt) : before.greenTimedAt,
    blueSeenAt: blue.requests > 0 ? later(before.blueSeenAt) : before.blueSeenAt,
    blueAlone: green.requests > 0 ? 0 : before.blueAlone + blue.requests,
    restarts,
    split: addSplit(before.split, to, green.requests, blue.requests),
  };
}

function addSplit(split: DataQuality['split'], to: number, green: number, blue: number): DataQuality['split'] {
  const kept = split.filter(([end]) => end > to - SPLIT_MS);
  const last = kept.at(-1);
  const before = kept.at(-2);
  if (last && before && last[0] - before[0] < SPLIT_MS / SPLIT_PARTS)
    return [...kept.slice(0, -1), [to, last[1] + green, last[2] + blue]];
  return [...kept, [to, green, blue]];
}

/** The traffic is set right at `at`: what green was missing before says nothing of it. */
export function dataQualitySetRight(run: DataQuality, at: number): DataQuality {
  return { ...run, setRightAt: at, blueAlone: 0 };
}

/** When the router was last given a share to reach. */
function shiftedAt({ from, setRightAt = from }: DataQuality): number {
  return setRightAt;
}

/** No reading of this soak has come yet. */
export function isUnread({ split }: DataQuality): boolean {
  return split.length === 0;
}

/** Green is not there at all: nothing to count, and reason enough. */
export function dataQualityBreach(
  run: DataQuality,
  rules: SequentialRules,
): { readonly reason: string; readonly code: VerdictCode } | undefined {
  const { from, seenAt, greenShare, blueAlone, dark, darkMs, restarts, counts, greenSeenAt, split } = run;
  if (dark >= DARK_READINGS && darkMs >= DARK_MS)
    return {
      code: 'targets-down',
      reason: `green's targets have not reported for ${seconds(darkMs)} (${dark} readings in a row) while blue's did: green is down or cannot be reached`,
    };
  const [target, times] = Object.entries(restarts).find(([, count]) => count >= RESTARTS) ?? [];
  if (target !== undefined)
    return {
      code: 'restarting',
      reason: `green's target ${target} restarted ${times} times since traffic was shifted to it`,
    };

  // At 100 % blue should get no traffic; a request that still reaches it (such as a health check) proves nothing.
  if (greenShare === 1 || blueAlone === 0 || (seenAt ?? from) - shiftedAt(run) <= rules.trafficGraceMs)
    return undefined;
  // The split seen so far, and lately, since it may wander (few clients, a canary's rough weight); at most what was set.
  const seen = counts.green.requests / (counts.green.requests + counts.blue.requests);
  const share = Math.min(
    greenSeenAt === null ? 1 : Math.min(seen, shareLately(split, blueAlone)),
    greenShare ?? 1,
    0.95,
  );
  const expected = (blueAlone * share) / (1 - share);
  const missedMs = (seenAt ?? from) - (greenSeenAt ?? from);
  if ((greenShare === null && greenSeenAt === null) || expected < MISSED_REQUESTS) return undefined;
  if (missedMs <= rules.burstToleranceMs) return undefined;
  const [blue, missed] = [blueAlone, expected].map(grouped);
  return {
    code: 'no-green-traffic',
    reason:
      `green had no request in the ${seconds(missedMs)} since ${greenSeenAt === null ? 'the shift' : 'its last one'}, ` +
      `while blue had ${blue}; about ${missed} were to be expected of green: the routing to green is broken, or green cannot be reached`,
  };
}

/** Before green was missed: its absence is what is in question. */
function shareLately(split: DataQuality['split'], blueAlone: number): number {
  const green = split.reduce((sum, part) => sum + part[1], 0);
  const blue = Math.max(0, split.reduce((sum, part) => sum + part[2], 0) - blueAlone);
  return green > 0 ? green / (green + blue) : 1;
}

/** Why nothing can be said now, whatever was counted. */
export function dataQualityDoubt(
  run: DataQuality,
  rules: SequentialRules,
  now: number,
): Pick<Judgement, 'code' | 'reason' | 'exhausted' | 'missingMs'> | undefined {
  const { from, seenAt, greenSeenAt, blueSeenAt, clock, soakMs } = run;
  const blindFor = now - (seenAt ?? from);
  const spent = blindFor > rules.maxNoDataMs ? { exhausted: true as const } : {};
  if (seenAt === null && blindFor >= 0)
    return { code: 'no-metrics', reason: `no metrics since the soak began ${seconds(blindFor)} ago`, ...spent };
  if (blindFor > rules.staleMs)
    return {
      code: 'no-metrics',
      reason: `no new metrics for ${seconds(blindFor)}; after ${seconds(rules.staleMs)} they say nothing about now`,
      ...spent,
    };
  if (run.dark > 0) return { code: 'suspected', reason: "green's targets did not report in the newest reading" };
  if (isUnread(run))
    return {
      code: 'insufficient-data',
      reason: 'the newest reading holds requests from before the soak; waiting for the next',
    };
  const isFresh = (at: number | null) => at !== null && now - at <= rules.staleMs;
  const isPause = greenSeenAt !== null && isByChance(clock, now - greenSeenAt);
  if (!isFresh(greenSeenAt) && !isPause) {
    const since = greenSeenAt === null ? 'since the soak began' : `for ${seconds(now - greenSeenAt)}`;
    return isFresh(blueSeenAt)
      ? {
          code: 'wrong-traffic-split',
          reason: `blue has traffic but green gets none ${since}: the routing to green may be broken`,
        }
      : { code: 'no-traffic', reason: `no traffic on either version ${since}` };
  }
  const split = splitDoubt(run, rules);
  if (split) return { code: 'wrong-traffic-split', reason: split };
  const missing = missingTime(clock, { soakMs, pollMs: rules.pollMs, goneMs: now - from });
  return missing && { code: 'insufficient-data', ...missing };
}

/**
 * At 100 %, whether blue still has more than half of the share that it had before: the router says one thing, and what carries the
 * requests does another. Fewer may be health checks, which are counted in some metrics. Green's health is not in doubt.
 */
export function blueStillServes(run: DataQuality, { trafficGraceMs }: SequentialRules): string | undefined {
  const { greenShare, blueShareBefore: before = 0 } = run;
  if (greenShare !== 1 || before <= 0 || before >= 1) return undefined;
  // In a short soak the router has half of it: otherwise nothing would be left to count.
  const { green, blue } = countedAfter(run, Math.min(trafficGraceMs, (run.soakMs ?? Number.POSITIVE_INFINITY) / 2));
  const bound = before / 2;
  const evidence = [before, 0.75 * before].map(
    (share) => blue * Math.log(share / bound) + green * Math.log((1 - share) / (1 - bound)),
  );
  if (Math.max(...evidence) - Math.log(evidence.length) < SPLIT_EVIDENCE) return undefined;
  return `blue still gets ${twoDigits(blue / (green + blue))} % of the requests, although all traffic was sent to green`;
}

/** The requests of both versions lately, since the router has had its time. */
function countedAfter(run: DataQuality, graceMs: number): { readonly green: number; readonly blue: number } {
  const counted = run.split.filter(([to]) => to - shiftedAt(run) > graceMs);
  return {
    green: counted.reduce((sum, part) => sum + part[1], 0),
    blue: counted.reduce((sum, part) => sum + part[2], 0),
  };
}

function twoDigits(share: number): number {
  return Number((100 * share).toPrecision(2));
}

/** Whether green's part of the requests is not what was set: the probability ratio of a split that is off by more. */
function splitDoubt(run: DataQuality, { trafficGraceMs }: SequentialRules): string | undefined {
  const { greenShare } = run;
  if (greenShare === null || greenShare >= 1) return undefined;
  const { green, blue } = countedAfter(run, trafficGraceMs);
  const odds = greenShare / (1 - greenShare);
  const evidenceFor = (factor: number, bound: number) => {
    const [share, edge] = [(odds * factor) / (1 + odds * factor), (odds * bound) / (1 + odds * bound)];
    return green * Math.log(share / edge) + blue * Math.log((1 - share) / (1 - edge));
  };
  const evidence = [2, 5, 20].flatMap((more) => [
    evidenceFor(1 / (SPLIT_TOLERANCE * more), 1 / SPLIT_TOLERANCE),
    evidenceFor(SPLIT_TOLERANCE * more, SPLIT_TOLERANCE),
  ]);
  if (Math.max(...evidence) - Math.log(evidence.length) < SPLIT_EVIDENCE) return undefined;
  return `green gets ${twoDigits(green / (green + blue))} % of the requests, but ${Number((100 * greenShare).toPrecision(3))} % were set: what is seen is not the split that was planned`;
}
