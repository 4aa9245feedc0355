export { commandMetrics } from './command/metrics.ts';
export { prometheusMetrics } from './prometheus/metrics.ts';
export { scrapeMetrics } from './scrape/metrics.ts';
