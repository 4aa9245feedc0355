import type { Activities } from '../domain/index.ts';
import type { Finding } from '../plugin/index.ts';
import { messageOf, redact } from '../util/index.ts';
import { checkContext, findCheck } from './check-context.ts';
import type { Dependencies } from './dependencies.ts';
import { inTime } from './in-time.ts';
import { ofCheck, pause, withHeartbeat } from './with-heartbeat.ts';

/** A blip of the database or the network is not worth waking a person. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 1_000;

export function runCheck(dependencies: Dependencies): Activities['runCheck'] {
  const { runbooks, registry, env } = dependencies;
  return ({ target, checkId, greenIsUp = false }) =>
    withHeartbeat(async (beating) => {
      const run = ofCheck(checkId, beating);
      const runbook = await runbooks.pinned(target);
      const config = findCheck(runbook, checkId);
      const check = registry.check(config);
      const given = { runbook, target, step: `check-${checkId}`, greenIsUp };
      const startedAt = Date.now();
      try {
        const finding = await inTime(run, config.timeout, (timed) => {
          const context = checkContext(dependencies, { ...given, run: timed });
          return withRetries(() => check(context), timed.signal);
        });
        return { checkedAt: startedAt, ...finding, durationMs: Date.now() - startedAt };
      } catch (error) {
        run.signal.throwIfAborted();
        const why = redact(messageOf(error), env);
        return {
          checkedAt: startedAt,
          passed: false,
          unmeasured: true,
          summary: `could not be measured: ${why}`,
          evidence: [],
          unblock: 'fix the cause above, then recheck',
          durationMs: Date.now() - startedAt,
        };
      }
    });
}

async function withRetries(check: () => Promise<Finding>, signal: AbortSignal): Promise<Finding> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await check();
    } catch (error) {
      if (attempt === TRIES || signal.aborted) throw error;
      await pause(BETWEEN_TRIES_MS, signal);
    }
  }
}
