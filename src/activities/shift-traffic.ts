import { ApplicationFailure } from '@temporalio/common';
import { type Activities, ANSWER_MS, FAILURE } from '../domain/index.ts';
import { createPlatform } from '../platforms/index.ts';
import type { Dependencies } from './dependencies.ts';
import { readBack } from './verify-traffic.ts';
import { assertNotSuperseded, operation, withHeartbeat } from './with-heartbeat.ts';

export function shiftTraffic({ runbooks }: Dependencies): Activities['shiftTraffic'] {
  return ({ target, percentage, timeoutMs }) =>
    withHeartbeat(async (attendance) => {
      const until = Date.now() + timeoutMs - ANSWER_MS;
      await assertNotSuperseded(attendance);
      const { platform: config } = await runbooks.pinned(target);
      const platform = createPlatform(config, target);
      const evidence = await platform.shiftTraffic(operation(target, `shift-to-${percentage}`), percentage, attendance);
      const found = await readBack(platform, { version: target.green, percentage, until }, attendance);
      if (!found.inEffect)
        throw ApplicationFailure.nonRetryable(
          `The shift to ${percentage} % did not take: ${found.line.measured}, expected ${found.line.required}.`,
          FAILURE.NotInEffect,
        );
      return { shiftedAt: Date.now(), evidence: [...evidence, found.line] };
    });
}
