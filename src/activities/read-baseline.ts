import { ApplicationFailure } from '@temporalio/common';
import { type Activities, FAILURE, type MetricCursor } from '../domain/index.ts';
import type { MetricSource, Problem } from '../plugin/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { pause, pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 1_000;
/**
 * The first shift comes so long before the next sample: the first requests of a green that fails are then seen soon, and
 * are enough to tell how long it has been failing.
 */
const BEFORE_SAMPLE_MS = 1_500;
/** Nobody waits longer for that. */
const LONGEST_WAIT_MS = 15_000;

/** What cannot be judged gets no traffic: the metrics are read, and found fit, before the first shift (invariant 14). */
export function readBaseline(dependencies: Dependencies): Activities['readBaseline'] {
  return ({ target, rules, timeoutMs, beforeShift }) =>
    withHeartbeat(async ({ signal }) => {
      const calledAt = Date.now();
      const source = portsOf(dependencies, await dependencies.runbooks.pinned(target), target).metrics(target);
      // Somebody else collects each target once per interval: the newest count of one target says nothing about another's.
      const countedAt = calledAt + source.freshEveryMs;

      let problem = 'They were not read.';
      let newest: MetricCursor | undefined;
      const cursor = await pollUntil(
        calledAt + timeoutMs,
        BETWEEN_ASKS_MS,
        signal,
        async (): Promise<MetricCursor | undefined> => {
          try {
            const { cursor: found, problems } = await inspect(source, signal);
            if (problems.length > 0)
              throw unusable(problems.map((one) => `Found: ${one.found}. To do: ${one.unblock}.`).join(' '));
            if (found.at >= countedAt) return found;
            newest = found;
            problem = tooOld(newest, Date.now());
            return undefined;
          } catch (error) {
            signal.throwIfAborted();
            if (error instanceof ApplicationFailure && error.nonRetryable) throw error;
            problem = `${sentence(error instanceof Error ? error.message : String(error))} Make them readable, then start again.`;
            return undefined;
          }
        },
      );
      // Targets that are collected more rarely than metrics.poll says may still be fresh enough for the judge.
      const isFresh = newest !== undefined && Date.now() - newest.at <= rules.staleMs;
      const baseline = cursor ?? (isFresh ? newest : undefined);
      if (!baseline) throw unusable(`For ${timeoutMs / 1_000} s nothing fresh could be read. ${problem}`);
      const waitMs = baseline.at + source.freshEveryMs - BEFORE_SAMPLE_MS - Date.now();
      if (beforeShift && waitMs <= LONGEST_WAIT_MS) await pause(waitMs, signal);
      return { watchState: { cursor: baseline, judge: null, soakStartedAt: 0 } };
    });
}

/** A source that knows nothing of itself has no problems that are known. */
async function inspect(
  source: MetricSource,
  signal: AbortSignal,
): Promise<{ readonly cursor: MetricCursor; readonly problems: readonly Problem[] }> {
  return source.inspect ? source.inspect(null, signal) : { ...(await source.read(null, signal)), problems: [] };
}

function unusable(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The metrics cannot show whether a release is healthy, so no traffic is shifted. ${why}`,
    FAILURE.MetricsUnusable,
  );
}

function tooOld({ at }: MetricCursor, now: number): string {
  const age = Math.round((now - at) / 1_000);
  return `The newest counts are ${age} s old. Let the metrics be collected every metrics.poll, and compare the clocks of this worker and of the metrics.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
