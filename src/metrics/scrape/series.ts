import type { Limits } from '../../judge/index.ts';
import type { SeriesReading } from '../../plugin/index.ts';
import type { MetricsPage, Sample } from '../../prometheus/index.ts';
import { isMetBy } from '../../promql/index.ts';
import { isBelow, isSame } from '../bucket-ends.ts';
import type { Counters, Family, Histogram } from '../counters.ts';
import { failsBy } from '../failure.ts';
import { groupBy } from '../group-by.ts';
import type { LabelValues, VersionSeries } from '../inspection.ts';
import { COUNTED_BY, mixedLabels, severalValues } from '../label-problems.ts';
import { joiner } from '../sides.ts';

const PROCESS_START = 'process_start_time_seconds';

/** Which metrics a page is to have. */
export interface Wanted {
  readonly requests: boolean;
  readonly latency: boolean;
}

/** The names of all that `readPage` looks at; OpenMetrics announces a counter without its `_total`. */
export function namesOf({ requests, failed, latency }: Counters, wanted: Wanted): string[] {
  const infos = [requests, latency].flatMap((family) => (family?.join ? [family.join.metric] : []));
  const counters = wanted.requests ? [requests.metric, ...(failed.by === 'label' ? [] : [failed.metric])] : [];
  const histogram =
    latency && wanted.latency ? [latency.metric, `${latency.metric}_sum`, `${latency.metric}_bucket`] : [];
  return [PROCESS_START, ...infos, ...counters.flatMap((name) => [name, name.replace(/_total$/, '')]), ...histogram];
}

/** What a page says of the service, version by version. */
export interface PageSeries {
  readonly startedAt?: number;
  readonly requests: readonly Counter[];
  /** Of the second counter, where that says what failed, and whether the page has any: a counter may begin with its first count. */
  readonly second: readonly Counter[];
  readonly hasSecond: boolean;
  readonly seconds: readonly Counter[];
  readonly histograms: readonly BucketCounts[];
}

interface Counter {
  readonly version: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** The histogram of one series: all labels but `le` tell series apart, and each may have buckets of its own. */
interface BucketCounts {
  readonly version: string;
  readonly count: number;
  /** Requests up to each end, in seconds. */
  readonly buckets: readonly { readonly end: number; readonly count: number }[];
}

/** @throws Error that names the metric when it is missing, lacks a label, or its values are no counts. */
export function readPage(
  page: MetricsPage,
  { requests, failed, latency }: Counters,
  { wanted, limits }: { readonly wanted: Wanted; readonly limits: Limits },
): PageSeries {
  const start = page.samples.find(({ name }) => name === PROCESS_START)?.value;
  const counters = (family: Family, name: string, metric = family.metric) =>
    versioned(page, family, { metric, name }).map(
      ({ sample, version }): Counter => ({ version, labels: sample.labels, value: countOf(sample) }),
    );
  const counted = wanted.requests ? counters(requests, requests.metric) : [];
  if (failed.by === 'label' && counted.some(({ labels }) => !labels.has(failed.label)))
    throw new Error(
      `metric ${requests.metric} has no label "${failed.label}", which is to say whether a request failed: see metrics.codeLabel`,
    );
  const durations = wanted.latency ? latency : undefined;
  const second = failed.by === 'label' || !wanted.requests ? undefined : failed.metric;
  const hasSecond = second !== undefined && hasMetric(page, second, second);
  return {
    ...(start !== undefined && Number.isFinite(start) && { startedAt: Math.round(start * 1_000) }),
    requests: counted,
    second: second !== undefined && hasSecond ? counters(requests, second, second) : [],
    hasSecond,
    seconds: durations
      ? counters(durations, `${durations.metric}_sum`).map((one) => ({
          ...one,
          value: one.value / durations.perSecond,
        }))
      : [],
    histograms: durations && limits.latency ? histograms(page, durations) : [],
  };
}

/**
 * One page's counters by version. Slow requests are those outside the bucket that ends where `ends` says for the version: at
 * the latency limit, or below it, which is stricter than asked: `notice` says so.
 */
export function readSeries(
  { startedAt, requests, second, seconds, histograms: durations }: PageSeries,
  { counters, limits, ends }: { counters: Counters; limits: Limits; ends: ReadonlyMap<string, number> },
  notice: (text: string) => void,
): SeriesReading[] {
  const { failed, latency } = counters;
  const series = new Map<string, SeriesReading>();
  const add = (version: string, more: Partial<SeriesReading>) => {
    const slowOver = ends.get(version);
    const sum = series.get(version) ?? {
      version,
      requests: 0,
      failed: 0,
      slow: 0,
      seconds: 0,
      ...(failed.by === 'answered' && { answered: 0 }),
      ...(latency && limits.latency && { timed: 0 }),
      ...(startedAt !== undefined && { startedAt }),
      ...(slowOver !== undefined && { slowOver }),
    };
    const all = sum.requests + (more.requests ?? 0);
    const answered = sum.answered === undefined ? undefined : sum.answered + (more.answered ?? 0);
    series.set(version, {
      ...sum,
      requests: all,
      failed: answered === undefined ? sum.failed + (more.failed ?? 0) : Math.max(0, all - answered),
      slow: sum.slow + (more.slow ?? 0),
      seconds: sum.seconds + (more.seconds ?? 0),
      ...(answered !== undefined && { answered }),
      ...(more.timed !== undefined && { timed: (sum.timed ?? 0) + more.timed }),
    });
  };

  const isFailed = failed.by === 'label' ? failsBy(failed.rule) : () => false;
  const code = failed.by === 'label' ? failed.label : '';
  for (const { version, labels, value } of requests)
    add(version, { requests: value, failed: isFailed(labels.get(code) ?? '') ? value : 0 });
  for (const { version, value } of second) add(version, { [failed.by]: value });
  for (const { version, value } of seconds) add(version, { seconds: value });
  const limit = (limits.latency?.underMs ?? 0) / 1_000;
  for (const { version, count, buckets } of durations) {
    const end = ends.get(version);
    if (end === undefined) continue;
    if (isBelow(end, limit))
      notice(
        `${latency?.metric} has no bucket that ends at ${limit} s: slow means over ${end} s instead. ` +
          `Add a bucket at ${limit} s, or set limits.latency.under to a bucket's end.`,
      );
    const within = buckets.find((bucket) => isSame(bucket.end, end))?.count ?? 0;
    add(version, { slow: count - within, timed: count });
  }
  return [...series.values()];
}

/** What the series of each version are like, on all pages together. */
export function describeVersions(
  pages: readonly PageSeries[],
  { requests, failed, latency }: Counters,
): Record<string, VersionSeries> {
  const code = failed.by === 'label' ? [failed.label] : [];
  const knownOf = ({ selector, sides }: Family) => [...code, ...sides.by, ...selector.map(({ label }) => label)];
  const byVersion = <Item extends { readonly version: string }>(items: readonly Item[]) =>
    groupBy(items, ({ version }) => version);
  const labelsOf = (counters: readonly Counter[] = []) => counters.map(({ labels }) => labels);
  const counted = byVersion(pages.flatMap((page) => page.requests));
  const timed = byVersion(pages.flatMap((page) => page.histograms));
  // Page by page: what differs between pages tells which router it was.
  const countedByPage = pages.map((page) => byVersion(page.requests));
  const timedByPage = pages.map((page) => byVersion(page.seconds));
  return Object.fromEntries(
    [...counted].map(([version, own]): [string, VersionSeries] => {
      const mixed = (each: readonly ReadonlyMap<string, Counter[]>[], family: Family): LabelValues[] =>
        each.flatMap((page) => mixedLabels(labelsOf(page.get(version)), knownOf(family)));
      const durations = timed.get(version) ?? [];
      const sent = own.filter(({ value }) => value > 0);
      return [
        version,
        {
          size: own.length,
          statuses: failed.by === 'label' ? [...new Set(sent.map((one) => one.labels.get(failed.label) ?? ''))] : [],
          mixed: [
            ...mixed(countedByPage, requests),
            ...(latency ? mixed(timedByPage, latency).map((one) => ({ ...one, metric: latency.metric })) : []),
          ],
          doubled: countedByPage.flatMap((page) =>
            severalValues(labelsOf(page.get(version))).filter(({ label }) => COUNTED_BY.includes(label)),
          ),
          ends: [...new Set(durations.flatMap(({ buckets }) => buckets.map(({ end }) => end)))],
          hasNative: false,
        },
      ];
    }),
  );
}

function histograms(page: MetricsPage, latency: Histogram): BucketCounts[] {
  const found = new Map<string, { version: string; count: number; buckets: { end: number; count: number }[] }>();
  for (const { sample, version } of versioned(page, latency, {
    metric: latency.metric,
    name: `${latency.metric}_bucket`,
  })) {
    const le = bucketEnd(sample);
    const key = JSON.stringify([...sample.labels].filter(([label]) => label !== 'le'));
    const histogram = found.get(key) ?? { version, count: Number.NaN, buckets: [] };
    found.set(key, histogram);
    const value = countOf(sample);
    if (le === Number.POSITIVE_INFINITY) histogram.count = value;
    else histogram.buckets.push({ end: le / latency.perSecond, count: value });
  }
  for (const { count, buckets } of found.values())
    if (!buckets.every((bucket) => count >= bucket.count))
      throw new Error(`histogram ${latency.metric} has no le="+Inf" bucket that holds all others`);
  return [...found.values()];
}

/** The samples that say which version they are about; what does not (a router's own traffic) is not counted. */
function versioned(
  page: MetricsPage,
  { selector, sides, join }: Family,
  { metric, name: sampleName }: { readonly metric: string; readonly name: string },
): { readonly sample: Sample; readonly version: string }[] {
  const { samples } = page;
  const all = samples.filter(({ name }) => name === sampleName);
  if (!hasMetric(page, metric, sampleName)) throw new Error(`metric ${sampleName} is not on its page`);
  const named = all.filter(({ labels }) => isMetBy(selector, labels));
  if (all.length > 0 && named.length === 0)
    throw new Error(`metric ${sampleName} has no series that meets metrics.selector`);
  const infos = samples.filter(({ name, labels }) => name === join?.metric && isMetBy(join.selector ?? [], labels));
  if (join && infos.length === 0) throw new Error(`metric ${join.metric} is not on its page: see metrics.join`);
  const withInfo = joiner(
    join,
    infos.map(({ labels }) => labels),
  );
  const found = named.flatMap((sample) => {
    const version = sides.versionOf(withInfo(sample.labels));
    return version === undefined ? [] : [{ sample, version }];
  });
  const [first] = named;
  if (first && found.length === 0 && sides.missing !== undefined)
    throw new Error(
      `metric ${sampleName} ${sides.missing}; its labels are ${[...withInfo(first.labels).keys()].join(', ') || 'none'}`,
    );
  return found;
}

/** OpenMetrics announces a counter without its `_total`. */
function hasMetric({ samples, announced }: MetricsPage, metric: string, sampleName: string): boolean {
  if (announced.has(metric) || announced.has(metric.replace(/_total$/, ''))) return true;
  return samples.some(({ name }) => name === sampleName);
}

function bucketEnd({ name, labels }: Sample): number {
  const text = labels.get('le') ?? '';
  const le = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text || Number.NaN);
  if (Number.isNaN(le)) throw new Error(`metric ${name} has a bucket without a usable label "le"`);
  return le;
}

function countOf({ name, value }: Sample): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`metric ${name} has the value ${value}, expected a count`);
}
