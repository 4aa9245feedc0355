export { type Alert, type Alertmanager, type NewAlert, alertmanager } from './alertmanager.ts';
export { readBasic, readHeader } from './credentials.ts';
export { type Answer, type Server, ask, conceal } from './http-client.ts';
export { parseJson } from './parse-json.ts';
export { type AlertingRule, type Prometheus, type Recipient, type RecordingRule, type RuleGroup, prometheus } from './prometheus.ts';
export { type NativeHistogram, type Question, type RawSeries, evaluated, rawSeries } from './samples.ts';
export { type MetricsPage, type Sample, parsePrometheusText } from './text-format.ts';
export { trusting } from './tls.ts';
export { type Token, readToken } from './token.ts';
