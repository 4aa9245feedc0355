import type { z } from 'zod';
import { builtIn } from '../../../src/built-in.ts';
import type { Limits } from '../../../src/judge/rules.ts';
import { checkedCounters } from '../../../src/metrics/checked-counters.ts';
import type { AdapterOptions, CounterAdapter } from '../../../src/metrics/inspection.ts';
import type { PrometheusConfig } from '../../../src/metrics/prometheus/schema.ts';
import { prometheusSource } from '../../../src/metrics/prometheus/source.ts';
import type { ScrapeConfig } from '../../../src/metrics/scrape/schema.ts';
import { scrapeSource } from '../../../src/metrics/scrape/source.ts';
import { kindSchemas } from '../../../src/runbook/kinds.ts';

type CountersConfig = PrometheusConfig | ScrapeConfig;

/** What stands under `metrics` in a runbook, for the two kinds that read counters. */
const { workloads = [], routers = [], metrics = [], checks = [], notifications = [] } = builtIn;
export const metricsSchema = kindSchemas({ workloads, routers, metrics, checks, notifications })
  .metrics as unknown as z.ZodType<CountersConfig>;

/** The counters as the watch reads them, and all that their adapter knows of itself. */
export function createCounters(config: CountersConfig, limits: Limits, options: AdapterOptions): CounterAdapter {
  const adapter = isPrometheus(config)
    ? prometheusSource(config, limits, options)
    : scrapeSource(config, limits, options);
  return { read: checkedCounters(adapter, limits, options.versions).read, inspect: adapter.inspect };
}

function isPrometheus(config: CountersConfig): config is PrometheusConfig {
  return config.kind === 'prometheus';
}
