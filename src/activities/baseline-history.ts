import type { Counts } from '../judge/index.ts';
import type { MetricSource } from '../plugin/index.ts';

const HISTORY_MS = 3_600_000;
const STEP_MS = 60_000;
/** The watch waits no longer for it: without it the judge asks for more evidence, and that is all. */
const TIMEOUT_MS = 5_000;

/** What `version` answered in the hour before `to`, by the minute; nothing where the metrics have no history. */
export async function blueHistory(
  source: MetricSource,
  { version, to }: { readonly version: string; readonly to: number },
  signal: AbortSignal,
): Promise<readonly Counts[]> {
  try {
    const question = { version, from: to - HISTORY_MS, to, stepMs: STEP_MS };
    const context = { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) };
    return (await source.history?.(question, context))?.intervals ?? [];
  } catch {
    return [];
  }
}
