import { ApplicationFailure } from '@temporalio/common';
import { type Activities, FAILURE } from '../domain/index.ts';
import { createPlatform } from '../platforms/index.ts';
import type { Dependencies } from './dependencies.ts';
import { readBack } from './verify-traffic.ts';
import { operation, withHeartbeat } from './with-heartbeat.ts';

/** A command that was accepted is in effect within this, or the round has failed and the next one asks again. */
const READ_BACK_MS = 30_000;

export function restoreTraffic({ runbooks }: Dependencies): Activities['restoreTraffic'] {
  return ({ target, round, until }) =>
    withHeartbeat(async (attendance) => {
      const startedAt = Date.now();
      const { runbook, notice } = await runbooks.pinnedOrCurrent(target);
      const commandUntil = startedAt + runbook.platform.timeouts.rollback;
      const platform = createPlatform(runbook.platform, target);
      const evidence = await platform.rollBack(operation(target, `rollback-${round}`), attendance);
      const found = await readBack(
        platform,
        { version: target.blue, percentage: 100, until: Math.min(until, commandUntil, Date.now() + READ_BACK_MS) },
        attendance,
      );
      if (!found.inEffect)
        throw ApplicationFailure.nonRetryable(
          `The rollback command ended, but the traffic is not back: ${found.line.measured}, expected ${found.line.required}.`,
          FAILURE.NotInEffect,
        );
      const notices = notice === undefined ? [] : [{ what: 'runbook', measured: notice }];
      return {
        startedAt,
        restoredAt: Date.now(),
        ...(found.isPossible ? { readBack: true } : {}),
        evidence: [...evidence, found.line, ...notices],
      };
    });
}
