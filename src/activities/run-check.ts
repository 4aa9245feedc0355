import type { Activities } from '../domain/index.ts';
import { redact } from '../util/index.ts';
import { checkContext, findCheck } from './check-context.ts';
import type { Dependencies } from './dependencies.ts';
import { pause, withHeartbeat } from './with-heartbeat.ts';

/** A blip of the database or the network is not worth waking a person. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 1_000;

export function runCheck(dependencies: Dependencies): Activities['runCheck'] {
  const { runbooks, registry, env } = dependencies;
  return ({ target, checkId, greenIsUp = false }) =>
    withHeartbeat(async (run) => {
      const runbook = await runbooks.pinned(target);
      const config = findCheck(runbook, checkId);
      const context = checkContext(dependencies, { runbook, target, run, step: `check-${checkId}`, greenIsUp });
      const check = registry.check(config);
      const startedAt = Date.now();
      const measured = { checkedAt: startedAt, durationMs: 0 };
      for (let attempt = 1; ; attempt += 1) {
        try {
          const finding = await check(context);
          return { ...measured, ...finding, durationMs: Date.now() - startedAt };
        } catch (error) {
          run.signal.throwIfAborted();
          if (attempt < TRIES && Date.now() < startedAt + config.timeout) {
            await pause(BETWEEN_TRIES_MS, run.signal);
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
