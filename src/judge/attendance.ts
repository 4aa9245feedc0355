import { NOTHING } from './counts.ts';
import type { Because, Interval } from './judge.ts';
import type { BothCounts } from './literal.ts';
import type { EvidenceRules, SoakFacts } from './rules.ts';
import { seconds } from './words.ts';

/** Who was there in this soak: metrics, traffic, green's targets, and the share that green got. Plain JSON. */
export interface Attendance {
  readonly from: number;
  readonly soakMs: number | null;
  readonly greenShare: number | null;
  /** Observed time that counts for the soak, and how long blue has now been over a limit. */
  readonly clockMs: number;
  readonly heldMs: number;
  readonly counts: BothCounts;
  /** The end of the newest interval, and of the newest in which a version was asked anything. */
  readonly seenAt: number | null;
  readonly greenSeenAt: number | null;
  readonly blueSeenAt: number | null;
  /** Blue's requests since green was asked last; readings in a row in which green's targets were gone. */
  readonly blueAlone: number;
  readonly dark: number;
  readonly restarts: Readonly<Record<string, number>>;
  /** Requests of both versions since the router has had its time, lately: green, blue. */
  readonly split: readonly (readonly [to: number, green: number, blue: number])[];
}

/** So unlikely that green has no request by luck: 14 are expected, e^-14 is under one in a million. */
const MISSED_REQUESTS = 14;
const DARK_READINGS = 3;
const RESTARTS = 2;
/** As much as two minutes of split, in so many parts. */
const SPLIT_MS = 120_000;
const SPLIT_PARTS = 8;
/** The odds for green may be off by this factor before the split counts as wrong. */
const SPLIT_TOLERANCE = 2;
const SPLIT_EVIDENCE = Math.log(1e4);

export function newAttendance(at: number, { soakMs, greenShare }: SoakFacts, before?: Attendance): Attendance {
  return {
    from: at,
    soakMs: soakMs ?? null,
    greenShare: greenShare ?? null,
    clockMs: 0,
    heldMs: before?.heldMs ?? 0,
    counts: NOTHING,
    seenAt: null,
    greenSeenAt: null,
    blueSeenAt: null,
    blueAlone: 0,
    dark: before?.dark ?? 0,
    restarts: before?.restarts ?? {},
    split: [],
  };
}

export function addAttendance(before: Attendance, interval: Interval): Attendance {
  const { to, green, blue } = interval;
  const later = (seenAt: number | null) => Math.max(seenAt ?? to, to);
  if (interval.greenDark) return { ...before, seenAt: later(before.seenAt), dark: before.dark + 1 };

  const restarts = { ...before.restarts };
  for (const [target, count] of Object.entries(interval.greenRestarts ?? {}))
    restarts[target] = (restarts[target] ?? 0) + count;
  return {
    ...before,
    dark: 0,
    seenAt: later(before.seenAt),
    greenSeenAt: green.requests > 0 ? later(before.greenSeenAt) : before.greenSeenAt,
    blueSeenAt: blue.requests > 0 ? later(before.blueSeenAt) : before.blueSeenAt,
    blueAlone: green.requests > 0 ? 0 : before.blueAlone + blue.requests,
    restarts,
    split: addSplit(before.split, to, green.requests, blue.requests),
  };
}

function addSplit(split: Attendance['split'], to: number, green: number, blue: number): Attendance['split'] {
  const kept = split.filter(([end]) => end > to - SPLIT_MS);
  const last = kept.at(-1);
  const before = kept.at(-2);
  if (last && before && last[0] - before[0] < SPLIT_MS / SPLIT_PARTS)
    return [...kept.slice(0, -1), [to, last[1] + green, last[2] + blue]];
  return [...kept, [to, green, blue]];
}

/** Green is not there at all: nothing to count, and reason enough. */
export function attendanceBreach(
  { from, seenAt, greenShare, blueAlone, dark, restarts, counts, greenSeenAt, split }: Attendance,
  rules: EvidenceRules,
): { readonly reason: string; readonly because: Because } | undefined {
  if (dark >= DARK_READINGS)
    return {
      because: 'dark',
      reason: `green's targets have been gone for ${dark} readings in a row while blue reports: green is down or not reachable`,
    };
  const [target, times] = Object.entries(restarts).find(([, count]) => count >= RESTARTS) ?? [];
  if (target !== undefined)
    return {
      because: 'restarts',
      reason: `green's target ${target} restarted ${times} times since traffic was shifted to it`,
    };

  // At 100 % it is blue that should be alone in nothing; whoever still asks it (a health check, say) proves nothing.
  if (greenShare === 1 || blueAlone === 0 || (seenAt ?? from) - from <= rules.routeGraceMs) return undefined;
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
  if (missedMs <= rules.patienceMs) return undefined;
  const blue = Math.round(blueAlone);
  return {
    because: 'traffic-missing',
    reason:
      `green gets no requests while blue had ${blue}; about ${Math.round(expected)} were to be expected` +
      `${greenSeenAt === null ? ' since the shift' : ` in the ${seconds((seenAt ?? from) - greenSeenAt)} since its last one`}: ` +
      'the routing to green is broken, or green cannot be reached',
  };
}

/** Before green was missed: its absence is what is in question. */
function shareLately(split: Attendance['split'], blueAlone: number): number {
  const green = split.reduce((sum, part) => sum + part[1], 0);
  const blue = Math.max(0, split.reduce((sum, part) => sum + part[2], 0) - blueAlone);
  return green > 0 ? green / (green + blue) : 1;
}

/** Why nothing can be said now, whatever was counted. */
export function attendanceDoubt(
  attendance: Attendance,
  rules: EvidenceRules,
  now: number,
): { readonly reason: string; readonly because: Because; readonly exhausted?: true } | undefined {
  const { from, seenAt, greenSeenAt, blueSeenAt, clockMs, soakMs } = attendance;
  const blindFor = now - (seenAt ?? from);
  const spent = blindFor > rules.maxBlindMs ? { exhausted: true as const } : {};
  if (seenAt === null && blindFor >= 0)
    return { because: 'blind', reason: `no metrics since the soak began ${seconds(blindFor)} ago`, ...spent };
  if (blindFor > rules.blindMs)
    return {
      because: 'blind',
      reason: `no new metrics for ${seconds(blindFor)}; after ${seconds(rules.blindMs)} they say nothing about now`,
      ...spent,
    };
  if (attendance.dark > 0)
    return { because: 'pending', reason: "green's targets did not report in the newest reading" };
  const isFresh = (at: number | null) => at !== null && now - at <= rules.blindMs;
  if (!isFresh(greenSeenAt)) {
    const since = greenSeenAt === null ? 'since the soak began' : `for ${seconds(now - greenSeenAt)}`;
    return isFresh(blueSeenAt)
      ? {
          because: 'split',
          reason: `blue has traffic but green gets none ${since}: the routing to green may be broken`,
        }
      : { because: 'quiet', reason: `no traffic on either version ${since}` };
  }
  const split = splitDoubt(attendance, rules);
  if (split) return { because: 'split', reason: split };
  // The first and the last poll are never exactly on the soak's edges.
  if (soakMs !== null && clockMs < soakMs - 2 * rules.pollMs)
    return {
      because: 'unproven',
      reason: `${seconds(clockMs)} of ${seconds(soakMs)} were observed; time without metrics, or with blue over a limit, does not count`,
    };
  return undefined;
}

/** Whether green's part of the requests is not what was set: the probability ratio of a split that is off by more. */
function splitDoubt({ split, greenShare, from }: Attendance, { routeGraceMs }: EvidenceRules): string | undefined {
  if (greenShare === null || greenShare >= 1) return undefined;
  const counted = split.filter(([to]) => to - from > routeGraceMs);
  const green = counted.reduce((sum, part) => sum + part[1], 0);
  const blue = counted.reduce((sum, part) => sum + part[2], 0);
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
  const part = ((100 * green) / (green + blue)).toPrecision(2);
  return `green gets ${Number(part)} % of the requests, but ${Number((100 * greenShare).toPrecision(3))} % were set: what is seen is not the split that was planned`;
}
