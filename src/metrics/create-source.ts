import type { Limits } from '../runbook/plan.ts';
import type { MetricsConfig } from '../runbook/schema.ts';
import { prometheusSource } from './prometheus.ts';
import { scrapeSource } from './scrape.ts';
import type { MetricSource } from './source.ts';

export interface SourceOptions {
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  /** Hears, once each, what a person should know about the metrics. */
  readonly notice?: (text: string) => void;
}

/** The adapter that the runbook asks for. */
export function createMetricSource(config: MetricsConfig, limits: Limits, options: SourceOptions): MetricSource {
  switch (config.kind) {
    case 'scrape':
      return scrapeSource(config, limits, options.notice);
    case 'prometheus':
      return prometheusSource(config, limits, options);
    default:
      throw new Error(`unknown metric source: ${String(config satisfies never)}`);
  }
}

/** Two readings so far apart are sure to differ where there is traffic: what somebody else collects comes late. */
export function apartMs({ kind, poll }: MetricsConfig): number {
  return kind === 'prometheus' ? 2 * poll + 5_000 : 0;
}
