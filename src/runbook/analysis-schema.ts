import { z } from 'zod';
import { type MetricsConfig, TARGET_PLACEHOLDERS } from './kinds.ts';
import { type PrometheusServer, prometheusServer } from './prometheus-server.ts';
import { duration, name, share, template } from './scalars.ts';

/** The state of each is in heartbeats and in the history, which have limits. */
const MOST = 10;

const kind = <Kind extends string>(value: Kind, summary: string) =>
  z.strictObject({
    name: name.describe('The name that people see; unique in the runbook.'),
    critical: z
      .boolean()
      .default(true)
      .describe('`true`: a breach rolls back, and a doubt delays `healthy`. `false`: only shown and reported.'),
    kind: z.literal(value).describe(summary),
  });

/** `metrics` holds those of the runbook with the entry's own: `expandAnalysis` has put them together. */
const counted = (metrics: z.ZodType<MetricsConfig>) =>
  kind('counted', 'Bad ones of all, for each version: checkout failures, cache misses, orders per request.')
    .extend({
      metrics: z
        .record(z.string(), z.unknown())
        .pipe(metrics as z.ZodType<MetricsConfig, Record<string, unknown>>)
        .describe('The keys of `metrics` that differ. All others, but `latency`, are those of `metrics`.'),
      limit: share
        .optional()
        .describe('The largest allowed share of failed ones. Without it, green is only compared with blue.'),
      compare: z
        .enum(['failed', 'answered'])
        .default('failed')
        .describe(
          '`failed`: green is worse if a larger share fails than of blue. `answered`: green is worse if a smaller share is answered, such as requests that led to an order.',
        ),
      required: z
        .boolean()
        .default(false)
        .describe(
          '`true`: a soak is healthy only if green is proven to keep the limit over at least `judge.minRequests`. `false`: too few events are no objection.',
        ),
    })
    .refine(({ limit, compare }) => limit === undefined || compare === 'failed', {
      path: ['limit'],
      message: 'expected only with compare: failed; remove one of them',
    });

const query = kind('query', 'A PromQL expression with a condition: memory, a queue, any ratio.')
  .extend({
    ...prometheusServer,
    url: prometheusServer.url
      .optional()
      .describe(
        'The address of the HTTP API. Default: the server of `metrics`, with its credentials, if that is of kind `prometheus`.',
      ),
    query: template(...TARGET_PLACEHOLDERS).describe('The expression. Its result has to be one number.'),
    below: z.number().optional().describe('The value has to be less.'),
    above: z.number().optional().describe('The value has to be more.'),
    for: duration
      .prefault('1m')
      .describe('A condition that is broken for so long without a break is a breach. So long it has to be kept again.'),
  })
  .refine(({ below, above }) => below !== undefined || above !== undefined, {
    path: ['below'],
    message: 'expected a number here, or in above',
  });

/** The further metrics of a runbook. */
export function analysisSchema(metrics: z.ZodType<MetricsConfig>) {
  return z
    .array(z.discriminatedUnion('kind', [counted(metrics), query]))
    .max(MOST)
    .optional()
    .meta({
      description: 'Further metrics beside errors and latency. At most 10.',
      examples: [
        [
          {
            name: 'memory',
            kind: 'query',
            url: 'https://prometheus.example.com',
            query: 'max(process_resident_memory_bytes{version="{version}"})',
            below: 2_000_000_000,
            for: '2m',
          },
        ],
      ],
    });
}

export type Analysis = NonNullable<z.output<ReturnType<typeof analysisSchema>>>;
type QueryConfig = Extract<Analysis[number], { readonly kind: 'query' }>;

/** The server of the metrics where they are a Prometheus and the entry names no other. */
export function withServer(entry: QueryConfig, metrics: MetricsConfig): QueryConfig {
  if (entry.url !== undefined || metrics.kind !== 'prometheus') return entry;
  const { url, auth, headers, caFile } = metrics as MetricsConfig & PrometheusServer;
  return {
    ...(auth && { auth }),
    ...(caFile !== undefined && { caFile }),
    ...entry,
    url,
    headers: { ...headers, ...entry.headers },
  };
}
