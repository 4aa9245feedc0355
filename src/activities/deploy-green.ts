import { ApplicationFailure } from '@temporalio/common';
import { type Activities, ANSWER_MS, FAILURE, keepBlueWorkflowId } from '../domain/index.ts';
import type { Evidence, Workload } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { assertNotSuperseded, operation, pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 1_000;

export function deployGreen(dependencies: Dependencies): Activities['deployGreen'] {
  return ({ target, timeoutMs }) =>
    withHeartbeat(async (run) => {
      const until = Date.now() + timeoutMs - ANSWER_MS;
      await assertNotSuperseded(run);
      const runbook = await dependencies.runbooks.pinned(target);
      // The version that it would stop, or its slot, may be green from now on.
      await dependencies.endRun?.({
        workflowId: keepBlueWorkflowId(target.service, target.environment),
        reason: `${target.green} is deployed`,
        signal: run.signal,
      });
      const workload = portsOf(dependencies, runbook, target).workload();
      const deployed = await workload.deploy(operation(target, 'deploy'), run);

      let problem = 'it was not asked';
      const healthy = await pollUntil(until, BETWEEN_ASKS_MS, run.signal, async (): Promise<Evidence | undefined> => {
        try {
          return await workload.checkHealth(target.green, run);
        } catch (error) {
          run.signal.throwIfAborted();
          problem = messageOf(error);
          if (isFinal(error))
            throw unhealthy(
              `${target.green} was deployed but cannot become healthy, so it gets no traffic: ${problem}`,
            );
          run.heartbeat({ doing: `waiting until ${target.green} is healthy`, problem });
          return undefined;
        }
      });
      if (!healthy)
        throw unhealthy(
          `${target.green} was deployed but did not become healthy in its time, so it gets no traffic: ${problem}${await stateOf(workload, target.green, run)}`,
        );
      return { evidence: [...deployed, ...healthy] };
    });
}

/** Whether the workload says that waiting does not help. */
function isFinal(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === FAILURE.GreenUnhealthy && error.nonRetryable === true;
}

function unhealthy(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.GreenUnhealthy);
}

/** What the platform knows of a version's instances: it is often the reason. */
async function stateOf(workload: Workload, version: string, run: RunContext): Promise<string> {
  const lines = await workload.describe?.(version, run).catch(() => []);
  return (lines ?? []).map(({ what, measured }) => `; ${what}: ${measured}`).join('');
}
