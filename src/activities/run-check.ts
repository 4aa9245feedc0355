import { createCheck } from '../checks/index.ts';
import type { Activities } from '../domain/index.ts';
import { redact } from '../util/index.ts';
import { checkContext, findCheck } from './check-context.ts';
import type { Dependencies } from './dependencies.ts';
import { pause, withHeartbeat } from './with-heartbeat.ts';

/** A blip of the database or the network is not worth waking a person. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 1_000;

export function runCheck({ runbooks, env }: Dependencies): Activities['runCheck'] {
  return ({ target, checkId, greenIsUp = false }) =>
    withHeartbeat(async (attendance) => {
      const runbook = await runbooks.pinned(target);
      const config = findCheck(runbook, checkId);
      const context = checkContext({ runbook, target, env, attendance, step: `check-${checkId}`, greenIsUp });
      const check = createCheck(config);
      const startedAt = Date.now();
      const measured = { checkedAt: startedAt, durationMs: 0 };
      for (let attempt = 1; ; attempt += 1) {
        try {
          const finding = await check(context);
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
            unblock: 'fix the cause above, then recheck',
            durationMs: Date.now() - startedAt,
          };
        }
      }
    });
}
