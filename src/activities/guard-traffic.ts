import type { Activities, Reading } from '../domain/index.ts';
import { advance, createMetricSource } from '../metrics/index.ts';
import { createPlatform } from '../platforms/index.ts';
import { toLimits } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';
import { inPercent } from './verify-traffic.ts';
import { pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 2_000;

/** A command that had left the machine before the rollback may still land after it; this is where that is seen. */
export function guardTraffic({ runbooks, env }: Dependencies): Activities['guardTraffic'] {
  return ({ target, until }) =>
    withHeartbeat(async (attendance) => {
      const { runbook } = await runbooks.pinnedOrCurrent(target);
      const platform = createPlatform(runbook.platform, target);
      const source = createMetricSource(runbook.metrics, toLimits(runbook.limits), { env, versions: target });
      let previous: Reading | null = null;

      const moved = await pollUntil(until, BETWEEN_ASKS_MS, attendance.signal, async () => {
        try {
          const shares = await platform.readTraffic(attendance);
          if (shares)
            return shares[target.blue] === 100
              ? undefined
              : `The traffic moved after the rollback: ${inPercent(shares)}.`;
          const current = await source.read(attendance.signal, previous ?? undefined);
          const { reading, interval } = advance(previous, current);
          previous = reading;
          const stray: number = interval?.counts[target.green]?.requests ?? 0;
          return stray === 0
            ? undefined
            : `The traffic moved after the rollback: ${target.green} got ${stray} requests.`;
        } catch {
          // Not being able to look for a moment is no sign of movement; the next look tells.
          attendance.signal.throwIfAborted();
          return undefined;
        }
      });
      return moved === undefined ? {} : { moved };
    });
}
