import { z } from 'zod';
import { refusal, request, type Server } from './http-client.ts';
import { parseJson } from './parse-json.ts';
import { type MetricsPage, parsePrometheusText } from './text-format.ts';

/** What is asked of a Prometheus (prometheus.io/docs/prometheus/latest/querying/api). Each throws as `ask` does. */
export interface Prometheus {
  /** The series of an instant query, at the server's present. */
  query(promql: string, signal: AbortSignal): Promise<Series[]>;
  ruleGroups(signal: AbortSignal): Promise<RuleGroup[]>;
  /** The Alertmanagers that it sends to, also those that are not there. */
  alertmanagers(signal: AbortSignal): Promise<Recipient[]>;
  /** What it tells about itself. */
  metrics(signal: AbortSignal): Promise<MetricsPage>;
}

export interface Recipient {
  /** As Prometheus' own metrics name it. */
  readonly label?: string;
  readonly url: string;
}

const labels = z.record(z.string(), z.string());
/** Go writes an empty list as null, too. */
const listOf = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .array(schema)
    .nullish()
    .transform((list) => list ?? []);

const evaluated = {
  name: z.string(),
  query: z.string(),
  labels: labels.nullish().transform((some) => some ?? {}),
  /** `ok`, `err`, or `unknown` before the first evaluation; Grafana says `error`, and `nodata`. */
  health: z.string(),
  lastError: z.string().optional(),
  /** Grafana's alone: it is not evaluated. */
  isPaused: z.boolean().optional(),
  /** When the last evaluation began: epoch milliseconds; before 1970 if there was none. */
  lastEvaluation: z.string().transform((text) => Date.parse(text)),
};
const alertingRule = z.object({
  ...evaluated,
  type: z.literal('alerting'),
  alerts: listOf(z.object({ labels, state: z.string() })),
});
const recordingRule = z.object({ ...evaluated, type: z.literal('recording') });
const ruleGroup = z.object({
  name: z.string(),
  /** Seconds. */
  interval: z.number(),
  rules: listOf(z.discriminatedUnion('type', [alertingRule, recordingRule])),
});
const series = z.object({ metric: labels, value: z.tuple([z.number(), z.string().transform(Number)]) });

export type AlertingRule = z.output<typeof alertingRule>;
export type RecordingRule = z.output<typeof recordingRule>;
export type RuleGroup = z.output<typeof ruleGroup>;
type Series = z.output<typeof series>;

const successOf = <Data extends z.ZodType>(data: Data) => z.object({ status: z.literal('success'), data });
const vector = successOf(z.object({ resultType: z.literal('vector'), result: listOf(series) }));
const groups = successOf(z.object({ groups: listOf(ruleGroup) }));
const recipients = successOf(z.object({ activeAlertmanagers: listOf(z.object({ url: z.string() })) }));

const NO_PROMETHEUS =
  'it does not say where it sends alerts (HTTP status 404). If it is Mimir, Cortex, Thanos, VictoriaMetrics or another that ' +
  'leaves its rules to a ruler, write rules: { kind: ruler } and alertmanagers.urls; for rules of Grafana, rules: { kind: grafana, url: ... }';

export function prometheus(server: Server): Prometheus {
  return {
    async query(query, signal) {
      const answer = await request(server, { path: '/api/v1/query', search: { query } }, signal);
      return parseJson(server, answer, vector).data.result;
    },
    async ruleGroups(signal) {
      return parseJson(server, await request(server, { path: '/api/v1/rules' }, signal), groups).data.groups;
    },
    async alertmanagers(signal) {
      const answer = await request(server, { path: '/api/v1/alertmanagers' }, signal);
      if (answer.status === 404) throw new Error(`${server.name}: ${NO_PROMETHEUS}`);
      return parseJson(server, answer, recipients).data.activeAlertmanagers.map(({ url }) => ({
        label: url,
        url: url.replace(/\/api\/v[12]\/alerts\/?$/, ''),
      }));
    },
    async metrics(signal) {
      const { status, text } = await request(server, { path: '/metrics' }, signal);
      if (status !== 200) throw refusal(server, status);
      try {
        return parsePrometheusText(text);
      } catch (error) {
        throw new Error(`${server.name}: its own /metrics are not in Prometheus' text format`, { cause: error });
      }
    },
  };
}
