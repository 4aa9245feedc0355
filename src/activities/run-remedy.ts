import { ApplicationFailure } from '@temporalio/common';
import { createRemedy } from '../checks/index.ts';
import { type Activities, FAILURE } from '../domain/index.ts';
import { redact } from '../util/index.ts';
import { checkContext, findCheck } from './check-context.ts';
import type { Dependencies } from './dependencies.ts';
import { assertNotSuperseded, withHeartbeat } from './with-heartbeat.ts';

export function runRemedy({ runbooks, env }: Dependencies): Activities['runRemedy'] {
  return ({ target, checkId }) =>
    withHeartbeat(async (attendance) => {
      await assertNotSuperseded(attendance);
      const runbook = await runbooks.pinned(target);
      const remedy = createRemedy(findCheck(runbook, checkId));
      if (!remedy)
        throw ApplicationFailure.nonRetryable(
          `The runbook names no remedy for the check "${checkId}".`,
          FAILURE.InvalidRequest,
        );
      const startedAt = Date.now();
      const context = checkContext({ runbook, target, env, attendance, step: `remedy-${checkId}`, greenIsUp: false });
      const fixed = await remedy(context).catch((error: unknown) => {
        attendance.signal.throwIfAborted();
        const why = redact(error instanceof Error ? error.message : String(error), env);
        return { done: false, summary: `could not be run: ${why}` };
      });
      return { ...fixed, startedAt, durationMs: Date.now() - startedAt };
    });
}
