import { ApplicationFailure } from '@temporalio/common';
import { createCheck } from '../checks/create-check.ts';
import { databaseUrl } from '../checks/postgres.ts';
import { FAILURE } from '../errors.ts';
import { redact } from '../platforms/redact.ts';
import type { Activities } from './activities.ts';
import { attended, operation, pause } from './attendance.ts';
import type { Dependencies } from './dependencies.ts';

/** A blip of the database or the network is not worth waking a person. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 1_000;

export function runCheck({ runbooks, env }: Dependencies): Activities['runCheck'] {
  return ({ target, checkId }) =>
    attended(async (attendance) => {
      const runbook = await runbooks.pinned(target);
      const config = runbook.checklist.find((check) => check.id === checkId);
      if (!config)
        throw ApplicationFailure.nonRetryable(`The runbook has no check "${checkId}".`, FAILURE.InvalidRequest);
      const check = createCheck(config);
      const startedAt = Date.now();
      const measured = { checkedAt: startedAt, durationMs: 0 };
      for (let attempt = 1; ; attempt += 1) {
        try {
          const finding = await check({
            target,
            operation: operation(target, `check-${checkId}`),
            attendance,
            databaseUrl: (database) => databaseUrl(runbook.databases, database, env),
          });
          return { ...measured, ...finding, durationMs: Date.now() - startedAt };
        } catch (error) {
          attendance.signal.throwIfAborted();
          if (attempt < TRIES && Date.now() < startedAt + config.timeout) {
            await pause(BETWEEN_TRIES_MS, attendance.signal);
            continue;
          }
          const why = redact(error instanceof Error ? error.message : String(error), env);
          return {
            ...measured,
            passed: false,
            unmeasured: true,
            summary: `could not be measured: ${why}`,
            evidence: [],
            unblock: 'mend what the message names, then recheck',
            durationMs: Date.now() - startedAt,
          };
        }
      }
    });
}
