import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { type Activities, ANSWER_MS, FAILURE } from '../domain/index.ts';
import type { Router } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { freezesNow, frozen } from './freezes.ts';
import { whoMovedIt } from './kept-traffic.ts';
import { portsOf } from './ports.ts';
import { readBack } from './verify-traffic.ts';
import { assertNotSuperseded, operation, withHeartbeat } from './with-heartbeat.ts';

/** What a router has accepted is in effect by then, unless somebody else has changed it since. */
const SET_BACK_MS = 10_000;

/** `setBackMs`: see {@link SET_BACK_MS}; tests do not wait so long. */
export function shiftTraffic(dependencies: Dependencies, setBackMs = SET_BACK_MS): Activities['shiftTraffic'] {
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
      const wanted = { version: target.green, percentage };
      const soon = Math.min(until, Date.now() + setBackMs);
      let found = await readBack(router, { ...wanted, until: soon }, run);
      const by = found.inEffect ? undefined : await whoMovedIt(router, run);
      if (!found.inEffect && by === undefined) found = await readBack(router, { ...wanted, until }, run);
      if (!found.inEffect)
        throw ApplicationFailure.nonRetryable(
          `The shift to ${percentage} % did not take: ${found.line.measured}, expected ${found.line.required}.` +
            (by === undefined ? '' : ` It was set back at once: ${by}.`),
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
