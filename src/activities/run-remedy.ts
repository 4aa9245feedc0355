import { ApplicationFailure } from '@temporalio/common';
import { commandRemedy } from '../checks/index.ts';
import { type Activities, FAILURE } from '../domain/index.ts';
import { messageOf, redact, TookTooLong } from '../util/index.ts';
import { checkContext, findCheck } from './check-context.ts';
import type { Dependencies } from './dependencies.ts';
import { inTime } from './in-time.ts';
import { assertNotSuperseded, ofCheck, withHeartbeat } from './with-heartbeat.ts';

export function runRemedy(dependencies: Dependencies): Activities['runRemedy'] {
  const { runbooks, registry, env } = dependencies;
  return ({ target, checkId }) =>
    withHeartbeat(async (beating) => {
      const run = ofCheck(checkId, beating);
      await assertNotSuperseded(run);
      const runbook = await runbooks.pinned(target);
      const config = findCheck(runbook, checkId);
      const remedy = registry.remedy(config) ?? commandRemedy(config);
      if (!remedy || !config.remedy)
        throw ApplicationFailure.nonRetryable(
          `The runbook names no remedy for the check "${checkId}".`,
          FAILURE.InvalidRequest,
        );
      const startedAt = Date.now();
      const given = { runbook, target, step: `remedy-${checkId}`, greenIsUp: false };
      const fixed = await inTime(run, config.remedy.timeout, (timed) =>
        remedy(checkContext(dependencies, { ...given, run: timed })),
      ).catch((error: unknown) => {
        run.signal.throwIfAborted();
        const why = redact(messageOf(error), env);
        return { done: false, summary: error instanceof TookTooLong ? why : `could not be run: ${why}` };
      });
      return { ...fixed, startedAt, durationMs: Date.now() - startedAt };
    });
}
