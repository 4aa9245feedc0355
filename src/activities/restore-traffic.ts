import { ApplicationFailure } from '@temporalio/common';
import { type Activities, type EvidenceLine, FAILURE, type RollbackInput } from '../domain/index.ts';
import type { Evidence, Router, Workload } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { awaitIdleGreen, type IdleGreen } from './idle-green.ts';
import { portsOf, recoveryMetrics } from './ports.ts';
import { readBack } from './verify-traffic.ts';
import { operation, withHeartbeat } from './with-heartbeat.ts';

/** A command that was accepted is in effect within this, or the round has failed and the next one asks again. */
const READ_BACK_MS = 30_000;
/** Stopping green may take no longer: the proof that blue is healthy waits for it. So does what is done before. */
const STOP_MS = 15_000;
const DRAIN_MS = 15_000;
/** Green that still gets requests by then goes on running: without it, all of them would fail. */
const IDLE_MS = 30_000;

const NOT_ASKED: IdleGreen = {};

export function restoreTraffic(dependencies: Dependencies): Activities['restoreTraffic'] {
  return ({ target, round, until, neverShifted, keepsGreen }) =>
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
      const stopUntil = Math.min(until, commandUntil);
      const drained = await drainGreen(router, stopUntil, run);
      const { green } = target;
      const idleUntil = Math.min(Date.now() + IDLE_MS, stopUntil - STOP_MS);
      const {
        cursor,
        requests: left = 0,
        left: greenLeft,
      } = router.followsLater && !neverShifted
        ? await awaitIdleGreen(
            recoveryMetrics(ports, target),
            { green, blue: target.blue, from: restoredAt, until: idleUntil },
            run,
          )
        : NOT_ASKED;
      const unproven = keepsGreen ? `${target.blue} is not proven healthy yet` : undefined;
      const whyRuns = left > 0 ? `it still gets requests (${left} in the newest interval)` : unproven;
      const stopped =
        whyRuns === undefined
          ? await stopGreen(() => ports.workload(), { target, round, until: stopUntil }, run)
          : [notStopped(green, whyRuns)];
      const notices = notice === undefined ? [] : [{ what: 'runbook', measured: notice }];
      return {
        startedAt,
        restoredAt,
        ...(found.isPossible ? { readBack: true } : {}),
        ...(greenLeft && greenLeft.requests > 0 && { greenLeft }),
        ...(cursor && { cursor }),
        ...(whyRuns !== undefined && { greenRuns: true as const }),
        evidence: [...evidence, found.line, ...drained, ...stopped, ...notices],
      };
    });
}

/** Green gets no new requests any more. That the old ones could not be waited for is recorded. */
async function drainGreen(router: Router, until: number, run: RunContext): Promise<Evidence> {
  if (!router.drain) return [];
  const drained = await within(Math.min(DRAIN_MS, until - STOP_MS - Date.now()), run, (limited) =>
    router.drain?.(limited),
  );
  return 'failed' in drained
    ? [{ what: 'requests under way on green', measured: `they could not be waited for: ${drained.failed}` }]
    : (drained.result ?? []);
}

/** Green gets no traffic any more. That it could not be stopped is recorded, and keeps no rollback from its end. */
async function stopGreen(
  workload: () => Workload,
  { target, round, until }: Pick<RollbackInput, 'target' | 'round' | 'until'>,
  run: RunContext,
): Promise<Evidence> {
  const stopped = await within(Math.min(STOP_MS, until - Date.now()), run, (limited) =>
    workload().stop(operation(target, `stop-${round}`), limited),
  );
  return 'failed' in stopped ? [notStopped(target.green, stopped.failed)] : stopped.result;
}

function notStopped(green: string, why: string): EvidenceLine {
  return { what: 'stop', measured: `${green} was not stopped: ${why}`, required: 'stopped' };
}

/** What it resolves with, or why it failed. @throws the reason of the run's signal when that aborts. */
async function within<Result>(
  ms: number,
  run: RunContext,
  body: (limited: RunContext) => Promise<Result> | Result,
): Promise<{ readonly result: Result } | { readonly failed: string }> {
  const mostMs = Math.max(0, ms);
  const timeout = AbortSignal.timeout(mostMs);
  try {
    return { result: await body({ ...run, signal: AbortSignal.any([run.signal, timeout]) }) };
  } catch (error) {
    run.signal.throwIfAborted();
    if (timeout.aborted) return { failed: `it took longer than ${mostMs} ms` };
    return { failed: messageOf(error) };
  }
}
