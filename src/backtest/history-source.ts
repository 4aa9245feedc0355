import { connect } from '../metrics/index.ts';
import type { Server } from '../prometheus/index.ts';
import { type Matcher, parseSelector } from '../promql/index.ts';
import type { MetricsConfig } from '../runbook/index.ts';
import { HistoryError } from './history.ts';

/** What a person says about where the past is; the runbook says the rest. */
export interface Wanted {
  readonly prometheus?: string;
  /** `job="shop",path!~"/health.*"`, with or without braces. */
  readonly selector?: string;
}

/** The past's answers are larger than the present's. */
const TIMEOUT_MS = 60_000;

/**
 * The server that has the past, and which series in it are the service's.
 * @throws PastError when neither the runbook nor the person says so; Error that names a variable or a file that is missing.
 */
export async function resolveHistorySource(
  metrics: MetricsConfig,
  { prometheus, selector }: Wanted,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly server: Server; readonly selector: readonly Matcher[] }> {
  const chosen = selector === undefined ? undefined : matchersIn(selector);
  if (metrics.kind === 'prometheus') {
    const server = prometheus === undefined ? await connect(metrics, env) : { name: 'Prometheus', url: prometheus };
    return { server: { ...server, timeoutMs: TIMEOUT_MS }, selector: chosen ?? metrics.selector };
  }
  if (prometheus === undefined || chosen === undefined)
    throw new HistoryError(
      'The runbook reads its metrics from pages, which have no past. Say where there is one, with --prometheus URL and ' +
        `--selector 'job="shop"', or with --from-file FILE.`,
    );
  return { server: { name: 'Prometheus', url: prometheus, timeoutMs: TIMEOUT_MS }, selector: chosen };
}

function matchersIn(text: string): Matcher[] {
  const parsed = parseSelector(`any{${text.trim().replace(/^\{(.*)\}$/s, '$1')}}`);
  if (!parsed)
    throw new HistoryError(
      `--selector: found ${JSON.stringify(text)}, expected labels such as job="shop",path!~"/health.*"`,
    );
  return parsed.matchers.filter(({ label }) => label !== '__name__');
}
