export { type Alert, type Alertmanager, alertmanager, type NewAlert } from './alertmanager.ts';
export { readBasic, readHeader } from './credentials.ts';
export { type Answer, conceal, request, type Server } from './http-client.ts';
export { parseJson } from './parse-json.ts';
export {
  type AlertingRule,
  type Prometheus,
  prometheus,
  type Recipient,
  type RecordingRule,
  type RuleGroup,
} from './prometheus.ts';
export { instantQuery, type NativeHistogram, type Question, type RawSeries, rawSeries } from './samples.ts';
export { type MetricsPage, parsePrometheusText, type Sample } from './text-format.ts';
export { withTrust } from './tls.ts';
export { readToken, type Token } from './token.ts';
