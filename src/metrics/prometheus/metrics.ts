import { metricsKind } from '../../plugin/index.ts';
import { connect } from '../../prometheus/index.ts';
import { checkCounters, describeCounters } from '../checked-counters.ts';
import { countersFor } from '../counters.ts';
import { LATENCY_MISSING } from '../schema.ts';
import { settled } from '../settled.ts';
import { readHistory } from './history/read-history.ts';
import { schema } from './schema.ts';
import { prometheusSource } from './source.ts';

/** The answers about the past are larger than those about now. */
const HISTORY_TIMEOUT_MS = 60_000;

export const prometheusMetrics = metricsKind({
  kind: 'prometheus',
  summary: 'The HTTP API of a Prometheus, Thanos, Mimir or VictoriaMetrics.',
  schema,
  secretKeys: ['url', 'auth', 'tokenEnv', 'basicEnv', 'headers', 'caFile'],
  latencyProblem: ({ latency }) => (latency === undefined ? LATENCY_MISSING : undefined),
  create(config, { limits, compared, slots, log, env }) {
    const source = prometheusSource(config, limits, {
      env,
      notice: (text) => log.warn(text),
      ...(compared && { versions: compared }),
      ...(slots && { slots }),
    });
    return settled(config, {
      freshEveryMs: config.poll,
      measuresLatency: config.latency !== undefined,
      countersApart: true,
      read: async (since, signal) => {
        const inspection = await source.inspect(since, signal);
        return { ...inspection.reading, ...checkCounters(inspection, limits, compared) };
      },
      inspect: async (since, signal) => {
        const inspection = await source.inspect(since, signal);
        const { reading, series } = inspection;
        return { ...reading, series, ...describeCounters(inspection, limits, compared) };
      },
      history: async (question, context) => {
        const server = { ...(await connect('Prometheus', config, env)), timeoutMs: HISTORY_TIMEOUT_MS };
        const counters = await countersFor(config, compared, slots)(context.signal);
        return readHistory(server, question, { counters, limits, ...context });
      },
    });
  },
});
