import { ApplicationFailure } from '@temporalio/common';
import { type Activities, ANSWER_MS, FAILURE } from '../domain/index.ts';
import { createPlatform } from '../platforms/index.ts';
import type { Evidence } from '../plugin/index.ts';
import type { Dependencies } from './dependencies.ts';
import { assertNotSuperseded, operation, pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 1_000;

export function deployGreen({ runbooks }: Dependencies): Activities['deployGreen'] {
  return ({ target, timeoutMs }) =>
    withHeartbeat(async (attendance) => {
      const until = Date.now() + timeoutMs - ANSWER_MS;
      await assertNotSuperseded(attendance);
      const runbook = await runbooks.pinned(target);
      const platform = createPlatform(runbook.platform, target);
      const deployed = await platform.deploy(operation(target, 'deploy'), attendance);

      let problem = 'it was not asked';
      const healthy = await pollUntil(
        until,
        BETWEEN_ASKS_MS,
        attendance.signal,
        async (): Promise<Evidence | undefined> => {
          try {
            return await platform.checkHealth(target.green, attendance);
          } catch (error) {
            attendance.signal.throwIfAborted();
            problem = error instanceof Error ? error.message : String(error);
            return undefined;
          }
        },
      );
      if (!healthy)
        throw ApplicationFailure.nonRetryable(
          `${target.green} was deployed but did not become healthy in its time, so it gets no traffic: ${problem}`,
          FAILURE.GreenUnhealthy,
        );
      return { evidence: [...deployed, ...healthy] };
    });
}
