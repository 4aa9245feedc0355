export { commandMetrics } from './command/metrics.ts';
export { countsBySlot } from './counters.ts';
export { draftMetrics } from './draft.ts';
export { PRESETS, type Preset } from './presets.ts';
export { prometheusMetrics } from './prometheus/metrics.ts';
export { ENOUGH_FOR_A_SHARE, MOST_WITHOUT_TRAFFIC, type Requested, requestsOf } from './requests-of.ts';
export { scrapeMetrics } from './scrape/metrics.ts';
