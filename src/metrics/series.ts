import type { Limits } from '../runbook/plan.ts';
import { FAILED } from './failed.ts';
import type { MetricsPage, Sample } from './prometheus-text.ts';
import type { ScrapeConfig } from './scrape.ts';
import type { Inspection, SeriesReading } from './source.ts';

/** `le="0.3"` and a limit of 300 ms are the same number, whatever their binary fractions. */
const TOLERANCE = 1e-9;

const PROCESS_START = 'process_start_time_seconds';

/** The names of all that `readSeries` looks at; OpenMetrics announces a counter without its `_total`. */
export function namesOf({ requests, latency }: ScrapeConfig): string[] {
  const histogram = latency === undefined ? [] : [latency, `${latency}_sum`, `${latency}_bucket`];
  return [PROCESS_START, requests, requests.replace(/_total$/, ''), ...histogram];
}

/**
 * One page's counters by version. Slow requests are those outside the bucket that ends at the latency limit; when no
 * bucket ends there, at the largest below it, which is stricter than asked: `notice` says so.
 * @throws Error that names the metric when it is missing, lacks a label, or its values are no counts.
 */
export function readSeries(
  page: MetricsPage,
  config: ScrapeConfig,
  limits: Limits,
  notice: (text: string) => void,
): SeriesReading[] {
  const start = page.samples.find(({ name }) => name === PROCESS_START)?.value;
  const startedAt = start !== undefined && Number.isFinite(start) ? { startedAt: Math.round(start * 1_000) } : {};
  const series = new Map<string, SeriesReading>();
  const add = (version: string, more: Partial<SeriesReading>) => {
    const sum = series.get(version) ?? { version, requests: 0, failed: 0, slow: 0, seconds: 0, ...startedAt };
    series.set(version, {
      ...sum,
      requests: sum.requests + (more.requests ?? 0),
      failed: sum.failed + (more.failed ?? 0),
      slow: sum.slow + (more.slow ?? 0),
      seconds: sum.seconds + (more.seconds ?? 0),
    });
  };

  for (const sample of versioned(page, config.requests, config.requests, config.versionLabel)) {
    const code = sample.labels.get(config.codeLabel);
    if (code === undefined) throw new Error(`metric ${config.requests} has no label "${config.codeLabel}"`);
    const requests = countOf(sample);
    add(versionOf(sample, config), { requests, failed: FAILED.test(code) ? requests : 0 });
  }
  if (config.latency === undefined) return [...series.values()];

  for (const sample of versioned(page, config.latency, `${config.latency}_sum`, config.versionLabel))
    add(versionOf(sample, config), { seconds: countOf(sample) });
  if (limits.latency) {
    const limit = limits.latency.underMs / 1_000;
    for (const { version, count, within, le } of histograms(page, config.latency, config, limit)) {
      if (le < limit * (1 - TOLERANCE))
        notice(
          `${config.latency} has no bucket that ends at ${limit} s: slow means over ${le} s instead. ` +
            `Add a bucket at ${limit} s, or set limits.latency.under to a bucket's end.`,
        );
      add(version, { slow: count - within });
    }
  }
  return [...series.values()];
}

/** Beyond how many seconds the page's requests count as slow, by version; nothing without a latency limit. */
export function slowOver(page: MetricsPage, config: ScrapeConfig, limits: Limits): Inspection['slowOver'] {
  if (config.latency === undefined || !limits.latency) return [];
  return histograms(page, config.latency, config, limits.latency.underMs / 1_000).map(({ version, le }) => ({
    version,
    seconds: le,
  }));
}

interface Histogram {
  readonly version: string;
  readonly count: number;
  /** Requests in the bucket up to `le` seconds, the largest that ends at or below the limit. */
  readonly within: number;
  readonly le: number;
}

/** The histogram of each series: all labels but `le` tell series apart, and each may have buckets of its own. */
function histograms(page: MetricsPage, name: string, config: ScrapeConfig, limit: number): Histogram[] {
  const found = new Map<string, Histogram>();
  for (const sample of versioned(page, name, `${name}_bucket`, config.versionLabel)) {
    const le = bucketEnd(sample);
    const key = JSON.stringify([...sample.labels].filter(([label]) => label !== 'le'));
    const before = found.get(key) ?? { version: versionOf(sample, config), count: Number.NaN, within: 0, le: -1 };
    const value = countOf(sample);
    if (le === Number.POSITIVE_INFINITY) found.set(key, { ...before, count: value });
    else if (le <= limit * (1 + TOLERANCE) && le > before.le) found.set(key, { ...before, within: value, le });
    else found.set(key, before);
  }
  for (const { count, within, le } of found.values()) {
    if (le < 0) throw new Error(`histogram ${name} has no bucket at or below the latency limit of ${limit} s`);
    if (!(count >= within)) throw new Error(`histogram ${name} has no le="+Inf" bucket that holds all others`);
  }
  return [...found.values()];
}

/** The samples that say which version they are about; what does not (a router's own traffic) is not counted. */
function versioned({ samples, announced }: MetricsPage, metric: string, sampleName: string, label: string): Sample[] {
  const named = samples.filter(({ name }) => name === sampleName);
  // OpenMetrics announces a counter without its `_total`.
  const known = announced.has(metric) || announced.has(metric.replace(/_total$/, ''));
  if (named.length === 0 && !known) throw new Error(`metric ${sampleName} is not on its page`);
  const labelled = named.filter(({ labels }) => labels.has(label));
  if (named.length > 0 && labelled.length === 0) throw new Error(`metric ${sampleName} has no label "${label}"`);
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
