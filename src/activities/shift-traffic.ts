import { ApplicationFailure } from '@temporalio/common';
import { type Activities, ANSWER_MS, FAILURE } from '../domain/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { readBack } from './verify-traffic.ts';
import { assertNotSuperseded, operation, withHeartbeat } from './with-heartbeat.ts';

export function shiftTraffic(dependencies: Dependencies): Activities['shiftTraffic'] {
  return ({ target, percentage, timeoutMs, again }) =>
    withHeartbeat(async (run) => {
      const until = Date.now() + timeoutMs - ANSWER_MS;
      await assertNotSuperseded(run);
      const router = portsOf(dependencies, await dependencies.runbooks.pinned(target), target).router();
      const evidence = await router.setTraffic(
        operation(target, `shift-to-${percentage}${again === undefined ? '' : `-again-${again}`}`),
        percentage,
        run,
      );
      const found = await readBack(router, { version: target.green, percentage, until }, run);
      if (!found.inEffect)
        throw ApplicationFailure.nonRetryable(
          `The shift to ${percentage} % did not take: ${found.line.measured}, expected ${found.line.required}.`,
          FAILURE.NotInEffect,
        );
      return { shiftedAt: Date.now(), evidence: [...evidence, found.line] };
    });
}
