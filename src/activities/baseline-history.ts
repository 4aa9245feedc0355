import { readHistory, resolveHistorySource } from '../backtest/index.ts';
import type { Counts } from '../judge/index.ts';
import type { Runbook } from '../runbook/index.ts';

const HISTORY_MS = 3_600_000;
const STEP_MS = 60_000;
/** The watch waits no longer for it: without it the judge asks for more evidence, and that is all. */
const PATIENCE_MS = 5_000;

/** What `version` answered in the hour before `to`, by the minute; nothing where the metrics have no past to ask for. */
export async function blueHistory(
  { metrics, limits }: Pick<Runbook, 'metrics' | 'limits'>,
  { version, to }: { readonly version: string; readonly to: number },
  { env, signal }: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<readonly Counts[]> {
  if (metrics.kind !== 'prometheus') return [];
  const { requests, latency, versionLabel, codeLabel } = metrics;
  try {
    const { server, selector } = await resolveHistorySource(metrics, {}, env);
    const { intervals } = await readHistory(
      server,
      {
        selector,
        requests,
        versionLabel,
        codeLabel,
        version,
        ...(latency !== undefined && limits.latency && { latency, slowOverMs: limits.latency.under }),
        from: to - HISTORY_MS,
        to,
        stepMs: STEP_MS,
      },
      { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]), progress: () => {} },
    );
    return intervals;
  } catch {
    return [];
  }
}
