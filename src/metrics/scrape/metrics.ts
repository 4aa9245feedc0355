import { countedBetween, metricsKind } from '../../plugin/index.ts';
import { checkCounters, describeCounters } from '../checked-counters.ts';
import { LATENCY_MISSING } from '../schema.ts';
import { settled } from '../settled.ts';
import { schema } from './schema.ts';
import { scrapeSource } from './source.ts';

export const scrapeMetrics = metricsKind({
  kind: 'scrape',
  summary: "The worker reads pages in Prometheus' text format.",
  schema,
  secretKeys: ['targets'],
  latencyProblem: ({ latency }) => (latency === undefined ? LATENCY_MISSING : undefined),
  create(config, { limits, compared, slots, log }) {
    const adapter = scrapeSource(config, limits, {
      notice: (text) => log.warn(text),
      ...(compared && { versions: compared }),
      ...(slots && { slots }),
    });
    const source = countedBetween(
      {
        read: async (signal) => {
          const inspection = await adapter.inspect(signal);
          return { ...inspection.reading, ...checkCounters(inspection, limits, compared) };
        },
        inspect: async (signal) => {
          const inspection = await adapter.inspect(signal);
          return { reading: inspection.reading, ...describeCounters(inspection, limits, compared) };
        },
      },
      { freshEveryMs: 0, measuresLatency: config.latency !== undefined },
    );
    return settled(config, source);
  },
});
