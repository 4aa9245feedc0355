import { ApplicationFailure } from '@temporalio/common';
import { type Activities, FAILURE, type Reading } from '../domain/index.ts';
import { createMetricSource, metricsProblems } from '../metrics/index.ts';
import { toLimits } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';
import { pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 1_000;

/** What cannot be judged gets no traffic: the metrics are read, and found fit, before the first shift (invariant 14). */
export function readBaseline({ runbooks, env }: Dependencies): Activities['readBaseline'] {
  return ({ target, rules, timeoutMs }) =>
    withHeartbeat(async ({ signal }) => {
      const calledAt = Date.now();
      const { metrics, limits } = await runbooks.pinned(target);
      const source = createMetricSource(metrics, toLimits(limits), { env, versions: target });
      // Somebody else collects each target once per poll: the newest count of one target says nothing about another's.
      const countedAt = calledAt + (metrics.kind === 'prometheus' ? metrics.poll : 0);

      let problem = 'They were not read.';
      let newest: Reading | undefined;
      const reading = await pollUntil(
        calledAt + timeoutMs,
        BETWEEN_ASKS_MS,
        signal,
        async (): Promise<Reading | undefined> => {
          try {
            const inspection = await source.inspect(signal);
            const problems = metricsProblems(inspection, { ...target, limits: rules.limits });
            if (problems.length > 0)
              throw unusable(problems.map(({ found, unblock }) => `Found: ${found}. To do: ${unblock}.`).join(' '));
            if (inspection.reading.at >= countedAt) return inspection.reading;
            newest = inspection.reading;
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
      const baseline = reading ?? (isFresh ? newest : undefined);
      if (!baseline) throw unusable(`For ${timeoutMs / 1_000} s nothing fresh could be read. ${problem}`);
      return { watchState: { reading: baseline, judge: null, soakStartedAt: 0 } };
    });
}

function unusable(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The metrics cannot show whether a release is healthy, so no traffic is shifted. ${why}`,
    FAILURE.MetricsUnusable,
  );
}

function tooOld({ at }: Reading, now: number): string {
  const age = Math.round((now - at) / 1_000);
  return `The newest counts are ${age} s old. Let the targets be collected every metrics.poll, and compare the clocks of this worker and of the metrics.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
