import { ApplicationFailure } from '@temporalio/common';
import {
  type Activities,
  type BlueRecovered,
  type EvidenceLine,
  FAILURE,
  type MetricCursor,
  type RollbackInput,
} from '../domain/index.ts';
import { outOf, roughly } from '../format/index.ts';
import { addCounts, type Counts, type Limits, NO_COUNTS, timedOf } from '../judge/index.ts';
import { apartMs, type MetricInterval, type Router, type Workload } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf, recoveryMetrics } from './ports.ts';
import { firstFew, inPercent, NOT_REPORTED, short } from './verify-traffic.ts';
import { pause, withHeartbeat } from './with-heartbeat.ts';

/** So many of blue's newest requests within the limits prove its health. */
const FRESH_REQUESTS = 50;
/** Where fewer were counted in this time, or no durations, these and blue's health check are accepted instead, and said to be no proof. */
const QUIET_MS = 30_000;
/** Recovery is measured in seconds: ask as often. */
const POLL_MS = 1_000;
/** How long a last reading and health check may take: their result has to be known before the round ends. */
const MARGIN_MS = 5_000;

/** The fresh intervals since the traffic was restored in which green got nothing, oldest first. */
type BlueIntervals = readonly Counts[];

/** `quietMs`: see {@link QUIET_MS}; tests have no half minute. Time in which nobody measured is none of it. */
export function verifyRecovery(dependencies: Dependencies, quietMs = QUIET_MS): Activities['verifyRecovery'] {
  return (input) =>
    withHeartbeat(async (run) => {
      const { runbook } = await dependencies.runbooks.pinnedOrCurrent(input.target);
      const { blue } = input.target;
      const ports = portsOf(dependencies, runbook, input.target);
      const source = recoveryMetrics(ports, input.target);
      const platform = { workload: ports.workload(), router: ports.router() };
      let since: MetricCursor | null = input.since ?? null;
      let alone: BlueIntervals = [];
      let problem = 'no two readings to compare yet';
      let freshAt = Date.now();
      let measuredMs = 0;
      const elsewhere = new Map<string, number>();

      while (Date.now() < input.until - MARGIN_MS) {
        try {
          const { cursor, intervals } = await source.read(since, run.signal);
          since = cursor;
          if (intervals.length > 0) freshAt = Date.now();
          for (const interval of intervals) {
            // What somebody else collected before the traffic was back says nothing about blue alone.
            if (interval.from < input.restoredAt) continue;
            alone = blueAlone(alone, interval, input.target);
            measuredMs = alone.length === 0 ? 0 : measuredMs + interval.to - interval.from;
            countElsewhere(elsewhere, interval.counts, input.target);
            const counts = sum(alone);
            const found = alone.length > 0 ? overLimit(counts, input.rules.limits) : stillGets(interval, input.target);
            const isEnough = counts.requests >= FRESH_REQUESTS;
            const isTimed = !input.rules.limits.latency || timedOf(counts) > 0;
            problem = found ?? (isEnough ? untimed(counts) : `only ${counts.requests} fresh requests yet`);
            if (found === undefined && isEnough && isTimed)
              return {
                healthyAt: interval.to,
                requests: counts.requests,
                evidence: [lineOf(counts, input)],
              };
            if (found === undefined && measuredMs >= quietMs)
              return await acceptedQuiet(
                platform.workload,
                { input, counts, elsewhere, quietMs, at: interval.to },
                run,
              );
          }
        } catch (error) {
          run.signal.throwIfAborted();
          problem = messageOf(error);
        }
        const isWithoutMetrics = Date.now() - freshAt >= quietMs + apartMs(source);
        if (isWithoutMetrics && input.neverShifted) {
          const accepted = await acceptedUnmoved(platform, input, problem, run);
          if ('healthyAt' in accepted) return accepted;
          problem = accepted.problem;
        }
        run.heartbeat({ doing: `waiting for the proof that ${blue} is healthy`, problem });
        await pause(POLL_MS, run.signal);
      }
      throw ApplicationFailure.nonRetryable(
        `All traffic was sent to ${input.target.blue}, but it is not proven healthy: ${problem}`,
        FAILURE.NotInEffect,
      );
    });
}

/** Requests that were on their way to green when the traffic moved still end there; blue's proof starts after them. */
function blueAlone(
  before: BlueIntervals,
  { counts }: MetricInterval,
  { blue, green }: RollbackInput['target'],
): BlueIntervals {
  if ((counts[green]?.requests ?? 0) > 0) return [];
  const intervals = [...before, counts[blue] ?? NO_COUNTS];
  // Only the newest count: blue may have suffered under green for a moment longer.
  while (sum(intervals.slice(1)).requests >= FRESH_REQUESTS) intervals.shift();
  return intervals;
}

function stillGets({ counts, from, to }: MetricInterval, { green }: RollbackInput['target']): string {
  const all = Object.values(counts).reduce((total, { requests }) => total + requests, 0);
  return `green still gets ${outOf(counts[green]?.requests ?? 0, all)} in the newest ${roughly(to - from)}`;
}

/** Why these requests of blue are no proof of health. */
function overLimit(counts: Counts, limits: Limits): string | undefined {
  const { requests, failed, slow } = counts;
  const said = `of its newest ${requests} requests ${failed} failed${limits.latency ? ` and ${slow} were too slow` : ''}`;
  if (failed > limits.errorRate * requests) return `it is over the error limit: ${said}`;
  if (limits.latency && slow > (1 - limits.latency.quantile) * timedOf(counts))
    return `it is over the latency limit: ${said}`;
  return undefined;
}

/** Some gateways count durations later than requests: until then no request is slow. */
function untimed({ requests }: Counts): string {
  return `the metrics do not say yet how long its newest ${requests} requests took`;
}

function lineOf({ requests, failed, slow }: Counts, { target, rules }: RollbackInput): EvidenceLine {
  const tooSlow = rules.limits.latency ? `, ${slow} too slow` : '';
  return { what: `fresh requests of ${target.blue} alone`, measured: `${requests}, ${failed} failed${tooSlow}` };
}

/** Requests of versions that are neither blue nor green: perhaps blue's, under another name. */
function countElsewhere(
  seen: Map<string, number>,
  fresh: Readonly<Record<string, Counts>>,
  { blue, green }: RollbackInput['target'],
): void {
  for (const [version, { requests }] of Object.entries(fresh))
    if (requests > 0 && version !== blue && version !== green) seen.set(version, (seen.get(version) ?? 0) + requests);
}

/**
 * With less traffic than proves anything, or without durations, what there was and blue's own health check have to do. Throws when
 * that fails.
 */
async function acceptedQuiet(
  workload: Workload,
  found: {
    readonly input: RollbackInput;
    readonly counts: Counts;
    readonly elsewhere: ReadonlyMap<string, number>;
    readonly quietMs: number;
    readonly at: number;
  },
  run: RunContext,
): Promise<BlueRecovered> {
  const { counts, elsewhere, quietMs, at } = found;
  const { blue } = found.input.target;
  const health = await workload.checkHealth(blue, run);
  const others = [...elsewhere].map(([version, requests]) => `${requests} of ${short(version)}`);
  const seconds = quietMs / 1_000;
  const [kept, missing, by] =
    counts.requests >= FRESH_REQUESTS
      ? ['its error limit', 'the metrics do not say how long they took', 'the rule for missing durations']
      : ['its limits', `${FRESH_REQUESTS} requests prove its health`, 'the rule for little traffic'];
  const answered =
    counts.requests > 0
      ? `${blue} kept ${kept} over ${counts.requests} fresh requests (${counts.failed} failed) in ${seconds} s and answers its health check`
      : `${blue} answers its health check; in ${seconds} s the metrics counted no request of it${others.length === 0 ? '' : `, but ${firstFew(others, ', ')}`}`;
  return {
    healthyAt: at,
    requests: counts.requests,
    evidence: [lineOf(counts, found.input), ...health],
    accepted: { what: `${answered}; ${missing}`, by },
  };
}

/**
 * Metrics that cannot be read say nothing of blue, whether or not anything was changed. Where no shift was ever begun that
 * must not keep the rollback from its end: nothing moved the traffic away from what served before.
 */
async function acceptedUnmoved(
  { workload, router }: { readonly workload: Workload; readonly router: Router },
  { target: { blue } }: RollbackInput,
  unread: string,
  run: RunContext,
): Promise<BlueRecovered | { readonly problem: string }> {
  try {
    const shares = await router.readTraffic(run);
    if (shares?.[blue] !== 100)
      return {
        problem: `${unread}; the traffic is not read back on ${blue} alone: ${shares ? inPercent(shares) : NOT_REPORTED}`,
      };
    const health = await workload.checkHealth(blue, run);
    return {
      healthyAt: Date.now(),
      requests: 0,
      evidence: [
        { what: `fresh requests of ${blue} alone`, measured: `not counted: ${unread}` },
        { what: 'traffic read back', measured: inPercent(shares), required: `${blue} 100 %` },
        ...health,
      ],
      accepted: {
        what: `no traffic had been moved, all of it is read back on ${blue}, and ${blue} answers its health check; the metrics could not be read: ${unread}`,
        by: 'the rule for a rollback before the first shift',
      },
    };
  } catch (error) {
    run.signal.throwIfAborted();
    return { problem: `${unread}; and ${messageOf(error)}` };
  }
}

function sum(intervals: BlueIntervals): Counts {
  return intervals.reduce(addCounts, NO_COUNTS);
}
