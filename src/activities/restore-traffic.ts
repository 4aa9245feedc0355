import { ApplicationFailure } from '@temporalio/common';
import { type Activities, FAILURE, type RollbackInput } from '../domain/index.ts';
import type { Evidence, Workload } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { readBack } from './verify-traffic.ts';
import { operation, withHeartbeat } from './with-heartbeat.ts';

/** A command that was accepted is in effect within this, or the round has failed and the next one asks again. */
const READ_BACK_MS = 30_000;
/** Stopping green may take no longer: the proof that blue is healthy waits for it. */
const STOP_MS = 15_000;

export function restoreTraffic(dependencies: Dependencies): Activities['restoreTraffic'] {
  return ({ target, round, until }) =>
    withHeartbeat(async (run) => {
      const startedAt = Date.now();
      const { runbook, notice } = await dependencies.runbooks.pinnedOrCurrent(target);
      const commandUntil = startedAt + runbook.router.timeout;
      const ports = portsOf(dependencies, runbook, target);
      const router = ports.router();
      const evidence = await router.setTraffic(operation(target, `rollback-${round}`), 0, run);
      const found = await readBack(
        router,
        { version: target.blue, percentage: 100, until: Math.min(until, commandUntil, Date.now() + READ_BACK_MS) },
        run,
      );
      if (!found.inEffect)
        throw ApplicationFailure.nonRetryable(
          `The rollback command ended, but the traffic is not back: ${found.line.measured}, expected ${found.line.required}.`,
          FAILURE.NotInEffect,
        );
      const restoredAt = Date.now();
      const stopped = await stopGreen(
        () => ports.workload(),
        { target, round, until: Math.min(until, commandUntil) },
        run,
      );
      const notices = notice === undefined ? [] : [{ what: 'runbook', measured: notice }];
      return {
        startedAt,
        restoredAt,
        ...(found.isPossible ? { readBack: true } : {}),
        evidence: [...evidence, found.line, ...stopped, ...notices],
      };
    });
}

/** Green gets no traffic any more. That it could not be stopped is recorded, and keeps no rollback from its end. */
async function stopGreen(
  workload: () => Workload,
  { target, round, until }: Pick<RollbackInput, 'target' | 'round' | 'until'>,
  run: RunContext,
): Promise<Evidence> {
  const mostMs = Math.max(0, Math.min(STOP_MS, until - Date.now()));
  const timeout = AbortSignal.timeout(mostMs);
  try {
    const signal = AbortSignal.any([run.signal, timeout]);
    return await workload().stop(operation(target, `stop-${round}`), { ...run, signal });
  } catch (error) {
    run.signal.throwIfAborted();
    const why = timeout.aborted
      ? `it took longer than ${mostMs} ms`
      : error instanceof Error
        ? error.message
        : String(error);
    return [{ what: 'stop', measured: `${target.green} was not stopped: ${why}`, required: 'stopped' }];
  }
}
