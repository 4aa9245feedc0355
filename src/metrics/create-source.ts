import type { Limits } from '../runbook/plan.ts';
import type { MetricsConfig } from '../runbook/schema.ts';
import { scrapeSource } from './scrape.ts';
import type { MetricSource } from './source.ts';

/** The adapter that the runbook asks for. `notice` hears, once each, what a person should know about the metrics. */
export function createMetricSource(
  config: MetricsConfig,
  limits: Limits,
  notice?: (text: string) => void,
): MetricSource {
  switch (config.kind) {
    case 'scrape':
      return scrapeSource(config, limits, notice);
    default:
      throw new Error(`unknown metric source: ${String(config.kind satisfies never)}`);
  }
}
