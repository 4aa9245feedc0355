import type { z } from 'zod';
import { builtIn } from '../../../src/built-in.ts';
import type { Limits } from '../../../src/judge/rules.ts';
import { checkCounters } from '../../../src/metrics/checked-counters.ts';
import type { AdapterOptions } from '../../../src/metrics/inspection.ts';
import type { PrometheusConfig } from '../../../src/metrics/prometheus/schema.ts';
import { prometheusSource } from '../../../src/metrics/prometheus/source.ts';
import type { ScrapeConfig } from '../../../src/metrics/scrape/schema.ts';
import { scrapeSource } from '../../../src/metrics/scrape/source.ts';
import { addCounts, NO_COUNTS } from '../../../src/plugin/fresh-counts.ts';
import type { FreshCounts, MetricInterval, MetricReading } from '../../../src/plugin/metric-source.ts';
import { kindSchemas } from '../../../src/runbook/kinds.ts';

type CountersConfig = PrometheusConfig | ScrapeConfig;

/** What stands under `metrics` in a runbook, for the two kinds that read counters. */
const { workloads = [], routers = [], metrics = [], checks = [], notifications = [] } = builtIn;
export const metricsSchema = kindSchemas({ workloads, routers, metrics, checks, notifications })
  .metrics as unknown as z.ZodType<CountersConfig>;

/** The counters of pages as the watch reads them, and all that is known of them. */
export function createScrape(config: CountersConfig, limits: Limits, options: AdapterOptions) {
  const source = scrapeSource(config as ScrapeConfig, limits, options);
  return {
    inspect: source.inspect,
    read: async (signal: AbortSignal) => {
      const inspection = await source.inspect(signal);
      return { ...inspection.reading, ...checkCounters(inspection, limits, options.versions) };
    },
  };
}

/** The counters of a Prometheus as the watch reads them, and all that is known of them. */
export function createPrometheus(
  config: CountersConfig,
  limits: Limits,
  options: Parameters<typeof prometheusSource>[2],
) {
  const source = prometheusSource(config as PrometheusConfig, limits, options);
  return {
    inspect: source.inspect,
    read: async (since: MetricReading['cursor'] | null, signal: AbortSignal): Promise<MetricReading> => {
      const inspection = await source.inspect(since, signal);
      return { ...inspection.reading, ...checkCounters(inspection, limits, options.versions) };
    },
  };
}

/** What intervals counted of a version, together. */
export function countsOf(intervals: readonly MetricInterval[], version: string): FreshCounts {
  return intervals.reduce((sum, { counts }) => addCounts(sum, counts[version] ?? NO_COUNTS), NO_COUNTS);
}
