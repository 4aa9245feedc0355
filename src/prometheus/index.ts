export { type Alert, type Alertmanager, alertmanager, type NewAlert } from './alertmanager.ts';
export { readBasic, readHeader } from './credentials.ts';
export { type Answer, conceal, type Server } from './http-client.ts';
export {
  type AlertingRule,
  type Prometheus,
  prometheus,
  type Recipient,
  type RecordingRule,
  type RuleGroup,
} from './prometheus.ts';
export {
  instantQuery,
  instantValue,
  listSeries,
  type NativeHistogram,
  QueryError,
  type RawSeries,
  rangeQuery,
  rawSeries,
} from './samples.ts';
export { type MetricsPage, parsePrometheusText, type Sample } from './text-format.ts';
export { withTrust } from './tls.ts';
export { readToken, type Token } from './token.ts';
