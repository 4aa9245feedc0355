export { commandMetrics } from './command/metrics.ts';
export { draftMetrics } from './draft.ts';
export { PRESETS, type Preset } from './presets.ts';
export { prometheusMetrics } from './prometheus/metrics.ts';
export { scrapeMetrics } from './scrape/metrics.ts';
