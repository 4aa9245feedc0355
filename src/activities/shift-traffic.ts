import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { type Activities, ANSWER_MS, FAILURE } from '../domain/index.ts';
import type { Router } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { freezesNow, frozen } from './freezes.ts';
import { portsOf } from './ports.ts';
import { readBack } from './verify-traffic.ts';
import { assertNotSuperseded, operation, withHeartbeat } from './with-heartbeat.ts';

export function shiftTraffic(dependencies: Dependencies): Activities['shiftTraffic'] {
  return ({ target, percentage, timeoutMs, again, overriddenFreezes: overridden = [] }) =>
    withHeartbeat(async (run) => {
      const until = Date.now() + timeoutMs - ANSWER_MS;
      await assertNotSuperseded(run);
      const runbook = await dependencies.runbooks.pinned(target);
      const router = portsOf(dependencies, runbook, target).router();
      // What somebody else moved is set right in a freeze as well.
      const freezes = again === undefined ? await freezesNow(dependencies, runbook, { ...target, overridden }) : [];
      if (freezes.length > 0 && !(await isShifted(router, { version: target.green, percentage }, run)))
        throw frozen(freezes);
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

/** An attempt that was lost may have shifted already: then the shift is seen to its end, whatever was frozen since. */
async function isShifted(
  router: Router,
  { version, percentage }: { readonly version: string; readonly percentage: number },
  run: RunContext,
): Promise<boolean> {
  if (Context.current().info.attempt === 1) return false;
  const shares = await router.readTraffic(run).catch(() => undefined);
  return shares?.[version] === percentage;
}
