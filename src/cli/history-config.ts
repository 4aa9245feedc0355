import { z } from 'zod';
import { HistoryError } from '../plugin/index.ts';
import { type Matcher, parseSelector } from '../promql/index.ts';
import type { MetricsConfig } from '../runbook/index.ts';

/** The options about where the history is; the runbook has the rest. */
interface Wanted {
  readonly prometheus?: string;
  /** `job="shop",path!~"/health.*"`, with or without braces. */
  readonly selector?: string;
}

const any = z.custom<unknown>().optional();
/** What the kinds that read Prometheus' counters have in common; credentials are not among it. */
const counters = z.object({
  requests: z.string(),
  selector: z.array(z.custom<Matcher>()).optional(),
  codeLabel: z.string(),
  failed: any,
  latency: any,
  versionLabel: any,
  versionValue: any,
  slotLabel: any,
  slotValue: any,
  versionSelector: any,
  join: any,
});
const TIMEOUT_MS = 60_000;

/**
 * The metrics of a runbook, but read from another Prometheus, or with other labels, if a person says so. Another Prometheus
 * gets none of the credentials.
 * @throws HistoryError if it is not known which series belong to the service.
 */
export function historyConfig(metrics: MetricsConfig, { prometheus: url, selector }: Wanted): MetricsConfig {
  const chosen = selector === undefined ? undefined : matchersIn(selector);
  if (url === undefined) return { ...metrics, ...(chosen && { selector: chosen }) };
  const { data } = counters.safeParse(metrics);
  const matchers = chosen ?? data?.selector;
  if (!data || !matchers)
    throw new HistoryError(
      data
        ? `Select the service's series with --selector 'job="shop"'.`
        : 'The runbook names no Prometheus counter. Provide the history with --from-file FILE.',
    );
  const elsewhere = {
    kind: 'prometheus',
    poll: metrics.poll,
    url,
    selector: matchers,
    headers: {},
    timeout: TIMEOUT_MS,
  };
  return { ...data, ...elsewhere };
}

/** `job="shop",path!~"/health.*"`, with or without braces. @throws HistoryError */
export function matchersIn(text: string): Matcher[] {
  const parsed = parseSelector(`any{${text.trim().replace(/^\{(.*)\}$/s, '$1')}}`);
  if (!parsed)
    throw new HistoryError(
      `--selector: found ${JSON.stringify(text)}, expected labels such as job="shop",path!~"/health.*"`,
    );
  return parsed.matchers.filter(({ label }) => label !== '__name__');
}
