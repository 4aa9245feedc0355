import { type Limits, timedOf } from '../judge/index.ts';
import type { Problem, SeriesReading } from '../plugin/index.ts';
import { redact, shortList } from '../util/index.ts';
import { isBelow, isSame, shownEnds } from './bucket-ends.ts';
import { meansNoAnswer } from './failure.ts';
import type { Inspection, LabelValues } from './inspection.ts';
import type { Compared } from './sides.ts';
import { guessedSlotValue } from './slot-value.ts';
import { guessedValue } from './version-value.ts';

/** A request is counted a moment before its duration is: so many without one are no coincidence. */
const UNTIMED_REQUESTS = 50;
/** No service is so slow; its unit or its limit is wrong. Of fewer requests than this it may be chance. */
const IMPLAUSIBLY_SLOW = 0.9;
const ENOUGH_TO_TELL = 20;

/** What is wrong with these metrics as the watch would read them; empty where a soak can be judged by them. Pure. */
export function metricsProblems(
  inspection: Inspection,
  { blue, green, limits }: Compared & { readonly limits: Limits },
): readonly Problem[] {
  const known = [...new Set(Object.values(inspection.series).map(({ version }) => version))];
  if (!known.includes(blue)) return [unknownVersion(blue, known, inspection)];
  return [
    ...[blue, green].flatMap((version) => statusProblems(inspection, version)),
    ...untrueCounts(inspection, limits, { blue, green }),
    ...(limits.latency ? latencyProblems(inspection, blue, limits.latency) : []),
  ];
}

/** What makes the counts themselves untrue, also in the middle of a soak; of all versions where none are named. */
export function untrueCounts(inspection: Inspection, limits: Limits, compared?: Compared): readonly Problem[] {
  const { requests, latency } = inspection.counters;
  // A slot's counter goes on from the version before; a histogram with another label does not have those requests.
  const isAlike = latency?.sides.by.join() === requests.sides.by.join();
  const answered = new Map<string, number>();
  for (const [key, one] of Object.entries(inspection.series)) {
    const now = answeredIn(one);
    const before = isAlike ? 0 : answeredIn(inspection.first[key]);
    answered.set(one.version, (answered.get(one.version) ?? 0) + (now < before ? now : now - before));
  }
  const versions = compared ? [compared.blue, compared.green] : Object.keys(inspection.versions);
  return versions.flatMap((version): Problem[] => {
    const series = inspection.versions[version];
    if (!series) return [];
    const good = answered.get(version) ?? 0;
    const [doubled] = series.doubled;
    const [mixed] = series.mixed;
    return [
      ...(doubled
        ? [
            {
              found: `each request of ${version} is counted twice: ${requests.metric} has ${listed(doubled)} for the same requests`,
              unblock: `add ${matcherOf(doubled)} to metrics.selector, or let only one of them be collected`,
            },
          ]
        : []),
      ...(mixed
        ? [
            {
              found: `${mixed.metric ?? requests.metric} of ${version} has ${listed(mixed)}: these may be several services, and all would be added up`,
              unblock:
                `say which one it is with metrics.selector, such as ${matcherOf(mixed)}; if all of them are this service, ` +
                `say so: '{${mixed.label}=~".+"}'`,
            },
          ]
        : []),
      ...(limits.latency && series.ends.length === 0 && !series.hasNative && good >= UNTIMED_REQUESTS
        ? [withoutBuckets(version, latency?.metric)]
        : []),
    ];
  });
}

function answeredIn(series: SeriesReading | undefined): number {
  return series ? series.requests - series.failed : 0;
}

function unknownVersion(blue: string, known: readonly string[], { counters }: Inspection): Problem {
  const { metric, sides } = counters.requests;
  const slot = sides.slotOf?.(blue);
  const key = sides.slotOf ? 'slot' : 'version';
  const written = slot === undefined ? blue : `the slot ${slot}`;
  const guess = sides.slotOf ? slot && guessedSlotValue(slot, known) : guessedValue(blue, known);
  const others = `the metrics count requests of ${shortList(known)}; none of them is ${slot ?? blue}`;
  if (guess !== undefined)
    return {
      found: others,
      unblock: `if the metrics write ${written} so, say it: metrics.${key}Value: ${guess}`,
    };
  return {
    found: known.length === 0 ? `the metrics have no series of ${blue}; they know no version at all` : others,
    unblock:
      `let what answers for ${blue} count its requests in ${metric} with ${sides.where(blue)}, and send it a request; or say ` +
      `in metrics.${key}Value how the metrics write a ${key}; or correct where they are read (metrics.targets, metrics.selector)`,
  };
}

function statusProblems({ versions, counters }: Inspection, version: string): Problem[] {
  const { failed, requests } = counters;
  const statuses = versions[version]?.statuses ?? [];
  if (failed.by !== 'label' || statuses.length === 0) return [];
  const { knows, expected, allowsNoAnswer, allowsOthers } = failed.rule;
  const strange = statuses.filter((status) => !knows(status) && !(allowsNoAnswer && meansNoAnswer(status)));
  if (statuses.some(knows) && (strange.length === 0 || allowsOthers)) return [];
  return [
    {
      found:
        `${requests.metric} of ${version} has ${listed({ label: failed.label, values: strange.length > 0 ? strange : statuses })}, ` +
        `expected ${expected}: nothing else says whether a request failed`,
      unblock:
        'say in metrics.failed which values mean a failure (grpc for gRPC codes), or name another label in metrics.codeLabel, or ' +
        'another counter in metrics.requests',
    },
  ];
}

function latencyProblems(
  inspection: Inspection,
  blue: string,
  { underMs, quantile }: NonNullable<Limits['latency']>,
): Problem[] {
  const limit = underMs / 1_000;
  const latency = inspection.counters.latency?.metric;
  const { good, requests, timed, slow, seconds } = sumsOf(inspection, blue);
  const { ends = [], hasNative = false } = inspection.versions[blue] ?? {};
  if (ends.length === 0 && !hasNative)
    return good > 0 && good < UNTIMED_REQUESTS ? [withoutBuckets(blue, latency)] : [];
  const share = timed > 0 ? slow / timed : 0;
  if (requests < ENOUGH_TO_TELL) return [];
  const over = inspection.slowAbove.find(({ version }) => version === blue)?.seconds ?? limit;
  if (share < IMPLAUSIBLY_SLOW)
    return isBelow(over, limit) && share > 1 - quantile
      ? [
          {
            found:
              `${Number((100 * share).toPrecision(3))} % of blue's requests are over ${over} s, the largest end at or below the ` +
              `limit of ${limit} s that the buckets of ${latency} have${ends.some((end) => isSame(end, limit)) ? " in common: green's have none at the limit" : ''}. ` +
              'A release as good as blue could not be proven healthy',
            unblock: `add a bucket that ends at ${limit} s for both versions, or set limits.latency.under to an end that both have`,
          },
        ]
      : [];
  return [
    {
      found:
        `${Math.min(100, Math.floor(share * 100))} % of blue's requests (${slow} of ${timed}) are over ${over} s by ${latency}, ` +
        `${Number((seconds / timed).toPrecision(3))} s in the mean` +
        (ends.length > 0
          ? `; its buckets end at ${shownEnds(ends)}: is it in milliseconds?`
          : ': is it in milliseconds?'),
      unblock:
        'say the unit: latency: { metric, unit: milliseconds }; or name another histogram in metrics.latency; or raise ' +
        'limits.latency.under above what blue takes',
    },
  ];
}

function withoutBuckets(version: string, latency: string | undefined): Problem {
  return {
    found: `requests of ${version} are counted, but ${latency ?? 'metrics.latency'} has no buckets for it, so slow requests cannot be counted`,
    unblock:
      'name a histogram in metrics.latency, with the same version label: a summary has no buckets; or take limits.latency out',
  };
}

function sumsOf({ series }: Inspection, version: string) {
  const sums = { good: 0, requests: 0, timed: 0, slow: 0, seconds: 0 };
  for (const one of Object.values(series)) {
    if (one.version !== version) continue;
    sums.good += one.requests - one.failed;
    sums.requests += one.requests;
    sums.timed += timedOf(one);
    sums.slow += one.slow;
    sums.seconds += one.seconds;
  }
  return sums;
}

const MOST_VALUES = 4;
const LONGEST_VALUE = 60;

/** `service="a", "b" and 3 more`. */
function listed({ label, values }: LabelValues): string {
  const shown = values.slice(0, MOST_VALUES).map(quoted);
  const more = values.length - shown.length;
  return `${label}=${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function matcherOf({ label, values }: LabelValues): string {
  return `{ ${label}: ${quoted(values[0] ?? '')} }`;
}

/** It can be any text. */
function quoted(value: string): string {
  return JSON.stringify(redact(value).slice(0, LONGEST_VALUE));
}
