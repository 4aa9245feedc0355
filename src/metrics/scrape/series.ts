import type { Limits } from '../../judge/index.ts';
import type { SeriesReading } from '../../plugin/index.ts';
import type { MetricsPage, Sample } from '../../prometheus/index.ts';
import { isMetBy } from '../../promql/index.ts';
import { isBelow, isSame } from '../bucket-ends.ts';
import { unitsPerSecond } from '../duration-unit.ts';
import { failsBy, failureRule } from '../failure.ts';
import { groupBy } from '../group-by.ts';
import type { VersionSeries } from '../inspection.ts';
import { COUNTED_BY, mixedLabels, severalValues } from '../label-problems.ts';
import type { ScrapeConfig } from './schema.ts';

const PROCESS_START = 'process_start_time_seconds';

/** The names of all that `readPage` looks at; OpenMetrics announces a counter without its `_total`. */
export function namesOf({ requests, latency }: ScrapeConfig): string[] {
  const histogram = latency === undefined ? [] : [latency, `${latency}_sum`, `${latency}_bucket`];
  return [PROCESS_START, requests, requests.replace(/_total$/, ''), ...histogram];
}

/** What a page says of the service, version by version. */
export interface PageSeries {
  readonly startedAt?: number;
  readonly requests: readonly Counter[];
  readonly seconds: readonly Counter[];
  readonly histograms: readonly Histogram[];
}

interface Counter {
  readonly version: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** The histogram of one series: all labels but `le` tell series apart, and each may have buckets of its own. */
interface Histogram {
  readonly version: string;
  readonly count: number;
  /** Requests up to each end, in seconds. */
  readonly buckets: readonly { readonly end: number; readonly count: number }[];
}

/** @throws Error that names the metric when it is missing, lacks a label, or its values are no counts. */
export function readPage(whole: MetricsPage, config: ScrapeConfig, limits: Limits): PageSeries {
  const start = whole.samples.find(({ name }) => name === PROCESS_START)?.value;
  const { requests, latency, codeLabel } = config;
  const perSecond = unitsPerSecond(latency ?? '');
  const counters = (metric: string, name: string) =>
    versioned(whole, { metric, name }, config).map(
      (sample): Counter => ({ version: versionOf(sample, config), labels: sample.labels, value: countOf(sample) }),
    );
  const counted = counters(requests, requests);
  if (counted.some(({ labels }) => !labels.has(codeLabel)))
    throw new Error(
      `metric ${requests} has no label "${codeLabel}", which is to say whether a request failed: see metrics.codeLabel`,
    );
  return {
    ...(start !== undefined && Number.isFinite(start) && { startedAt: Math.round(start * 1_000) }),
    requests: counted,
    seconds:
      latency === undefined
        ? []
        : counters(latency, `${latency}_sum`).map((one) => ({ ...one, value: one.value / perSecond })),
    histograms: latency === undefined || !limits.latency ? [] : histograms(whole, latency, config),
  };
}

/**
 * One page's counters by version. Slow requests are those outside the bucket that ends where `ends` says for the version: at
 * the latency limit, or below it, which is stricter than asked: `notice` says so.
 */
export function readSeries(
  { startedAt, requests, seconds, histograms: durations }: PageSeries,
  { config, limits, ends }: { config: ScrapeConfig; limits: Limits; ends: ReadonlyMap<string, number> },
  notice: (text: string) => void,
): SeriesReading[] {
  const series = new Map<string, SeriesReading>();
  const add = (version: string, more: Partial<SeriesReading>) => {
    const slowOver = ends.get(version);
    const sum = series.get(version) ?? {
      version,
      requests: 0,
      failed: 0,
      slow: 0,
      seconds: 0,
      ...(startedAt !== undefined && { startedAt }),
      ...(slowOver !== undefined && { slowOver }),
    };
    series.set(version, {
      ...sum,
      requests: sum.requests + (more.requests ?? 0),
      failed: sum.failed + (more.failed ?? 0),
      slow: sum.slow + (more.slow ?? 0),
      seconds: sum.seconds + (more.seconds ?? 0),
    });
  };

  const isFailed = failsBy(failureRule(config.failed));
  for (const { version, labels, value } of requests)
    add(version, { requests: value, failed: isFailed(labels.get(config.codeLabel) ?? '') ? value : 0 });
  for (const { version, value } of seconds) add(version, { seconds: value });
  const limit = (limits.latency?.underMs ?? 0) / 1_000;
  for (const { version, count, buckets } of durations) {
    const end = ends.get(version);
    if (end === undefined) continue;
    if (isBelow(end, limit))
      notice(
        `${config.latency} has no bucket that ends at ${limit} s: slow means over ${end} s instead. ` +
          `Add a bucket at ${limit} s, or set limits.latency.under to a bucket's end.`,
      );
    const within = buckets.find((bucket) => isSame(bucket.end, end))?.count ?? 0;
    add(version, { slow: count - within });
  }
  return [...series.values()];
}

/** What the series of each version are like, on all pages together. */
export function describeVersions(
  pages: readonly PageSeries[],
  { codeLabel, versionLabel, selector = [] }: ScrapeConfig,
): Record<string, VersionSeries> {
  const known = [codeLabel, versionLabel, ...selector.map(({ label }) => label)];
  const versions = new Set(pages.flatMap(({ requests }) => requests.map(({ version }) => version)));
  const counters = pages.map(({ requests }) => groupBy(requests, ({ version }) => version));
  const timed = groupBy(
    pages.flatMap((page) => page.histograms),
    ({ version }) => version,
  );
  return Object.fromEntries(
    [...versions].map((version): [string, VersionSeries] => {
      const own = counters.map((page) => page.get(version) ?? []);
      const sent = own.flat().filter(({ value }) => value > 0);
      // Page by page: what differs between pages tells which router it was.
      const labels = own.map((requests) => requests.map((one) => one.labels));
      const durations = timed.get(version) ?? [];
      return [
        version,
        {
          statuses: [...new Set(sent.map((one) => one.labels.get(codeLabel) ?? ''))],
          mixed: labels.flatMap((page) => mixedLabels(page, known)),
          doubled: labels.flatMap((page) => severalValues(page).filter(({ label }) => COUNTED_BY.includes(label))),
          ends: [...new Set(durations.flatMap(({ buckets }) => buckets.map(({ end }) => end)))],
          hasNative: false,
        },
      ];
    }),
  );
}

function histograms(page: MetricsPage, latency: string, config: ScrapeConfig): Histogram[] {
  const perSecond = unitsPerSecond(latency);
  const found = new Map<string, { version: string; count: number; buckets: { end: number; count: number }[] }>();
  for (const sample of versioned(page, { metric: latency, name: `${latency}_bucket` }, config)) {
    const le = bucketEnd(sample);
    const key = JSON.stringify([...sample.labels].filter(([label]) => label !== 'le'));
    const histogram = found.get(key) ?? { version: versionOf(sample, config), count: Number.NaN, buckets: [] };
    found.set(key, histogram);
    const value = countOf(sample);
    if (le === Number.POSITIVE_INFINITY) histogram.count = value;
    else histogram.buckets.push({ end: le / perSecond, count: value });
  }
  for (const { count, buckets } of found.values())
    if (!buckets.every((bucket) => count >= bucket.count))
      throw new Error(`histogram ${latency} has no le="+Inf" bucket that holds all others`);
  return [...found.values()];
}

/** The samples that say which version they are about; what does not (a router's own traffic) is not counted. */
function versioned(
  { samples, announced }: MetricsPage,
  { metric, name: sampleName }: { readonly metric: string; readonly name: string },
  { versionLabel: label, selector = [] }: ScrapeConfig,
): Sample[] {
  const all = samples.filter(({ name }) => name === sampleName);
  // OpenMetrics announces a counter without its `_total`.
  const known = announced.has(metric) || announced.has(metric.replace(/_total$/, ''));
  if (all.length === 0 && !known) throw new Error(`metric ${sampleName} is not on its page`);
  const named = all.filter(({ labels }) => isMetBy(selector, labels));
  if (all.length > 0 && named.length === 0)
    throw new Error(`metric ${sampleName} has no series that meets metrics.selector`);
  const labelled = named.filter(({ labels }) => labels.has(label));
  if (named[0] && labelled.length === 0)
    throw new Error(
      `metric ${sampleName} has no label "${label}", which is to hold the version: its labels are ` +
        `${[...named[0].labels.keys()].join(', ') || 'none'}; see metrics.versionLabel`,
    );
  return labelled;
}

function versionOf({ labels }: Sample, { versionLabel }: ScrapeConfig): string {
  return labels.get(versionLabel) ?? '';
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
