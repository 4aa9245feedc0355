import type { MetricsConfig } from '../../runbook/index.ts';

export type ScrapeConfig = Extract<MetricsConfig, { kind: 'scrape' }>;
