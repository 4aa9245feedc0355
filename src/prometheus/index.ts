export { type Alert, type Alertmanager, alertmanager, type NewAlert } from './alertmanager.ts';
export { connect } from './connect.ts';
export { headersOf, readBasic } from './credentials.ts';
export { grafanaAlertmanager, grafanaRules } from './grafana.ts';
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
export { readCa } from './tls.ts';
export { readToken } from './token.ts';
