import type { EvidenceLine } from '../../domain/index.ts';
import { grouped, outOf, percent } from '../../format/index.ts';
import { type Limits, metricsOf } from '../../judge/index.ts';
import type { Finding } from '../../plugin/index.ts';
import { LATE_MS, type LoadNumbers } from './tally.ts';

/** What was asked of the target. */
export interface Asked {
  readonly requestsPerSecond: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  /** The part of the warm-up in which the rate rises. */
  readonly rampMs?: number | undefined;
  readonly limits: Limits;
}

/** So much of the asked rate has to be answered in time. */
export const ENOUGH = 0.95;
/** If more requests than this left late, the load was another than asked, and latencies are not the target's alone. */
const MOST_LATE = 0.05;
/** A share exactly at its limit is within it, whatever binary fractions make of it. */
const TOLERANCE = 1e-9;

interface Line {
  readonly evidence: EvidenceLine;
  /** Present if it is not as it should be. */
  readonly problem?: { readonly what: string; readonly unblock: string };
}

/** What the numbers say about the target, and about the worker that sent the load. */
export function judgeLoad(numbers: LoadNumbers, asked: Asked): Finding {
  const late = lateness(numbers);
  const lines = [late, rate(numbers, asked), ...shares(numbers, asked.limits)];
  const { requests, p50Ms, p95Ms, p99Ms, maxMs } = numbers;
  const before = asked.rampMs === undefined ? 'warming up' : 'a rising rate';
  const warmUp = `after ${seconds(asked.warmUpMs)} of ${before} that are not counted`;
  const evidence: EvidenceLine[] = [
    { what: 'requests', measured: `${grouped(requests)} in ${seconds(asked.durationMs)}, ${warmUp}` },
    ...lines.map((line) => line.evidence),
    { what: 'latency', measured: `p50 ${p50Ms} ms, p95 ${p95Ms} ms, p99 ${p99Ms} ms, at most ${maxMs} ms` },
  ];
  const problems = lines.flatMap(({ problem }) => problem ?? []);
  const load = `${perSecond(asked.requestsPerSecond)} for ${seconds(asked.durationMs)}`;
  if (problems.length === 0) {
    const failed = `${percent(share(numbers.failed, requests))} failed`;
    return { passed: true, summary: `the target sustained ${load}: ${failed}, p95 was ${p95Ms} ms`, evidence };
  }
  return {
    passed: false,
    summary: `under ${load}: ${problems.map(({ what }) => what).join('; ')}`,
    evidence,
    unblock: problems.map(({ unblock }) => unblock).join('; '),
    // Then it is the worker that failed, whatever else the numbers say.
    ...(late.problem && { unmeasured: true }),
  };
}

function lateness({ late, requests }: LoadNumbers): Line {
  const measured = outOf(late, requests);
  return {
    evidence: {
      what: `sent more than ${LATE_MS} ms late by the worker`,
      measured,
      required: `at most ${percent(MOST_LATE)}`,
    },
    ...(share(late, requests) > MOST_LATE && {
      problem: {
        what: `the worker itself was too busy and sent ${measured} late, so the numbers are not the target's`,
        unblock:
          'give the worker more processor time (fewer checks at the same time, a bigger machine), or lower requestsPerSecond, then check again',
      },
    }),
  };
}

function rate({ inTime, cameOverMs }: LoadNumbers, { requestsPerSecond, durationMs }: Asked): Line {
  const achieved = inTime / (Math.max(durationMs, cameOverMs) / 1_000);
  const least = ENOUGH * requestsPerSecond;
  return {
    evidence: {
      what: 'rate of answers in time',
      measured: perSecond(achieved),
      required: `at least ${perSecond(least)}, ${percent(ENOUGH)} of ${perSecond(requestsPerSecond)}`,
    },
    ...(achieved < least && {
      problem: {
        what: `only ${perSecond(achieved)} were answered in time`,
        unblock:
          'the target does not carry the load: give it more instances or larger pools, or correct requestsPerSecond to what production gets',
      },
    }),
  };
}

export const WHAT_TO_DO = {
  errors: "find in the target's log why requests failed, and fix it",
  latency: 'find what the target spends its time on under load (a missing index, a pool that is too small), and fix it',
} as const;

function shares(numbers: LoadNumbers, limits: Limits): Line[] {
  return metricsOf(limits).map((metric) => {
    const bad = metric.bad(numbers);
    const over = share(bad, numbers.requests) > metric.limit + TOLERANCE;
    const measured = outOf(bad, numbers.requests);
    const kinds = metric.name === 'errors' ? byKind(numbers.failedBy) : '';
    return {
      evidence: {
        what: metric.name === 'errors' ? 'failed' : `slower than ${limits.latency?.underMs} ms`,
        measured: `${measured}${kinds}`,
        required: `at most ${percent(metric.limit)}`,
      },
      ...(over && {
        problem: {
          what: `the target ${metric.did(measured)}${kinds}; ${metric.limitWords}`,
          unblock: WHAT_TO_DO[metric.name],
        },
      }),
    };
  });
}

/** The most frequent first: `: answered 503 (10), timed out (2)`. */
export function byKind(failedBy: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(failedBy).sort(([, a], [, b]) => b - a);
  if (kinds.length === 0) return '';
  return `: ${kinds.map(([kind, count]) => `${kind} (${grouped(count)})`).join(', ')}`;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

export function perSecond(rateOf: number): string {
  return `${Number(rateOf.toPrecision(3)).toLocaleString('en-US')} requests a second`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1_000).toFixed(1))} s`;
}
