import {
  type Labels,
  type Matcher,
  mayMatch,
  metricOf,
  parseSelector,
  type Selector,
  selectsMetric,
} from '../../promql/index.ts';

/** What a service is alerted on, and by which series a rule shows that it is about that. */
export interface AlertedMetric {
  readonly name: 'errors' | 'latency';
  /** As the runbook says it. */
  readonly wanted: string;
  readonly metrics: readonly string[];
  /** Labels that a rule has to choose by: without `code`, a rule over all requests would pass for one over errors. */
  readonly chosenBy: readonly string[];
}

export function alertedMetricOf(name: AlertedMetric['name'], wanted: string): AlertedMetric {
  const selector = parseSelector(wanted);
  const metric = selector && metricOf(selector);
  if (!selector || metric === undefined) throw new Error(`"${wanted}" is no metric`); // the schema knows it is one
  return {
    name,
    wanted,
    // A histogram by its buckets or its mean, or whole where it is a native one. Its `_count` says nothing of latency.
    metrics: name === 'latency' ? [metric, `${metric}_bucket`, `${metric}_sum`] : [metric],
    chosenBy: selector.matchers.map(({ label }) => label).filter((label) => label !== '__name__'),
  };
}

/** Whether a selector reads this signal, and may read it from a service with these labels. */
export function isAbout(selector: Selector, signal: AlertedMetric, labels: Labels): boolean {
  return (
    readsSignal(selector, signal, labels) &&
    signal.chosenBy.every((wanted) => selector.matchers.some(({ label }) => label === wanted))
  );
}

/**
 * The series that have to be there for a selector of a rule to mean something. Status codes are not asked for, since a
 * healthy service has no failed requests, only for the label that tells them: with another name the rule would never
 * fire. Other labels that errors are chosen by are left out, for some are only there once something failed.
 */
export function seriesBehind(selector: Selector, signal: AlertedMetric, labels: Labels): Matcher[] {
  const own = readsSignal(selector, signal, labels);
  const matchers = selector.matchers.flatMap((matcher): Matcher[] => {
    if (STATUS.test(matcher.label)) return [{ label: matcher.label, operator: '!=', value: '' }];
    return own && signal.chosenBy.includes(matcher.label) ? [] : [matcher];
  });
  const ofService = Object.entries(labels).map(([label, value]): Matcher => ({ label, operator: '=', value }));
  const all = own ? [...matchers, ...ofService] : matchers;
  return [...new Map(all.map((matcher) => [JSON.stringify(matcher), matcher])).values()];
}

/** `code`, `status`, `status_code`, `http_response_status_code`, `grpc_code`, `code_class` */
const STATUS = /^(?:[a-z]+_)*(?:status_?code|status|code)(?:_class)?$/i;

function readsSignal(selector: Selector, { metrics }: AlertedMetric, labels: Labels): boolean {
  return metrics.some((metric) => selectsMetric(selector, metric)) && mayMatch(selector, labels);
}
