import { countedBetween, metricsKind } from '../../plugin/index.ts';
import { checkedCounters } from '../checked-counters.ts';
import { LATENCY_MISSING } from '../schema.ts';
import { readHistory } from './history/read-history.ts';
import { schema } from './schema.ts';
import { connect, prometheusSource } from './source.ts';

/** The answers about the past are larger than those about now. */
const HISTORY_TIMEOUT_MS = 60_000;

export const prometheusMetrics = metricsKind({
  kind: 'prometheus',
  summary: 'The HTTP API of a Prometheus, Thanos, Mimir or VictoriaMetrics.',
  schema,
  secretKeys: ['url', 'auth', 'tokenEnv', 'basicEnv', 'headers', 'caFile'],
  latencyProblem: ({ latency }) => (latency === undefined ? LATENCY_MISSING : undefined),
  create(config, { limits, compared, log, env }) {
    const { requests, latency, versionLabel, codeLabel, selector, poll } = config;
    const adapter = prometheusSource(config, limits, {
      env,
      notice: (text) => log.warn(text),
      ...(compared && { versions: compared }),
    });
    return countedBetween(checkedCounters(adapter, limits, compared), {
      freshEveryMs: poll,
      measuresLatency: latency !== undefined,
      history: async (question, context) => {
        const server = { ...(await connect(config, env)), timeoutMs: HISTORY_TIMEOUT_MS };
        const counters = { selector, requests, versionLabel, codeLabel, ...(latency !== undefined && { latency }) };
        const slow = limits.latency && { slowOverMs: limits.latency.underMs };
        return readHistory(server, { ...question, ...counters, ...slow }, context);
      },
    });
  },
});
