import type { DeploymentPlan, EvidenceLine } from '../../domain/index.ts';
import { grouped } from '../../format/index.ts';
import type { MetricInspection, Observation } from '../../plugin/index.ts';
import { redact } from '../../util/index.ts';
import { duration } from './format.ts';
import type { Measured } from './measure.ts';

/** Clocks are never quite alike; the watch dates what it reads to a poll, which is seconds, too. */
const CLOCK_TOLERANCE_MS = 5_000;
const SHOWN_VERSIONS = 10;
/** Ends of buckets that are the same number, whatever their binary fractions. */
const SAME = 1e-9;

/** No series and series that stand still are different troubles: a wrong label, and no traffic or a stale page. */
export function checkSeries(seen: Measured, blue: string): Observation {
  const known = seen.versions.slice(0, SHOWN_VERSIONS).map(shown).join(', ') || 'no version at all';
  const series: EvidenceLine = {
    what: `series of ${blue}`,
    measured: `${seen.series.all}; the metrics know ${known}`,
    required: 'at least 1',
    source: 'metrics',
  };
  if (seen.series.all === 0) return { evidence: [series], problems: [] }; // the source says so in its problems

  const span = duration(Math.round(seen.spanMs / 100) * 100);
  const others = seen.alsoServing.slice(0, SHOWN_VERSIONS).map(shown).join(', ');
  const requests: EvidenceLine = {
    what: `requests of ${blue}`,
    measured:
      `${grouped(seen.requests)} in ${span}, over ${seen.readings} readings; ${seen.series.moved} of its series moved` +
      (others === '' ? '' : `; ${others} got requests, too`),
    required: 'more than none',
    source: 'metrics',
  };
  if (seen.requests > 0) return { evidence: [series, requests], problems: [] };
  return {
    evidence: [series, requests],
    problems: [
      {
        found:
          `no request of ${blue} was counted in ${span}` +
          (others === '' ? ': there is no traffic, or what was read is stale' : `, while ${others} got some`),
        unblock:
          `see that ${blue} gets requests; if it does, find what answers with old numbers (a cache in front of the ` +
          'metrics, an exporter that hangs); where requests are rare, look longer with measureFor',
      },
    ],
  };
}

export function checkAge({ ageMs }: Measured, { judge: { staleMs } }: DeploymentPlan): Observation {
  return {
    evidence: [
      {
        what: 'age of the newest reading',
        measured: duration(Math.max(0, ageMs)),
        required: `at most ${duration(staleMs)}`,
        source: 'metrics',
      },
    ],
    problems:
      ageMs <= staleMs
        ? []
        : [
            {
              found: `the newest counts are ${duration(ageMs)} old, and after ${duration(staleMs)} they say nothing about now`,
              unblock: 'find what keeps the metrics from being collected, or collect them more often',
            },
          ],
  };
}

export function checkLatency(
  { slowAbove }: MetricInspection,
  blue: string,
  { judge: { limits } }: DeploymentPlan,
): Observation {
  if (!limits.latency) return { evidence: [], problems: [] };
  const limit = limits.latency.underMs / 1_000;
  const line = { what: 'requests count as slow', required: `over ${limit} s, or less`, source: 'metrics' };
  const ends = slowAbove.filter(({ version }) => version === blue).map((each) => each.seconds);
  const shownEnds = [...new Set(ends)].sort((a, b) => a - b).map((end) => `${end} s`);
  const below = ends.some((end) => end < limit * (1 - SAME));
  return {
    evidence: [
      {
        ...line,
        measured:
          ends.length === 0
            ? `never: no histogram of ${blue}`
            : `over ${shownEnds.join(' and ')}${below ? `: no bucket ends at ${limit} s, so the one below is used, which is stricter` : ''}`,
      },
    ],
    problems: [], // the source says what is wrong
  };
}

export function checkClocks({ clocks: places }: MetricInspection): Observation {
  const line = { required: `within ${duration(CLOCK_TOLERANCE_MS)} of this worker's`, source: "the answer's date" };
  const clocks = places.map(({ place, aheadMs }) => {
    const difference = aheadMs && (aheadMs.least > 0 ? aheadMs.least : Math.min(0, aheadMs.most));
    return { place, difference };
  });
  return {
    evidence: clocks.map(({ place, difference }) => ({
      ...line,
      what: `clock of ${place}`,
      measured: difference === undefined ? 'unknown: its answer has no date' : apart(difference),
    })),
    problems: clocks.flatMap(({ place, difference = 0 }) =>
      Math.abs(difference) <= CLOCK_TOLERANCE_MS
        ? []
        : [
            {
              found: `the clock of ${place} is ${apart(difference)}`,
              unblock:
                `set the clocks of ${place} and of the worker by NTP` +
                (difference < 0 ? ', or take away the cache that answers in its place with an old page' : ''),
            },
          ],
    ),
  };
}

function apart(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  if (seconds === 0) return "the same as this worker's, as far as whole seconds tell";
  return `${seconds} s or more ${ms > 0 ? 'ahead of' : 'behind'} this worker's`;
}

/** A version as the metrics call it, which can be any text. */
function shown(version: string): string {
  return redact(version).slice(0, 100);
}
