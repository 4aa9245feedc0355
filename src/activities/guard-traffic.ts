import type { Activities, MetricCursor } from '../domain/index.ts';
import type { Dependencies } from './dependencies.ts';
import { readShare, whoMovedIt } from './kept-traffic.ts';
import { portsOf } from './ports.ts';
import { pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 2_000;

/** A command that had left the machine before the rollback may still land after it; this is where that is seen. */
export function guardTraffic(dependencies: Dependencies): Activities['guardTraffic'] {
  return ({ target, until }) =>
    withHeartbeat(async (run) => {
      const { runbook } = await dependencies.runbooks.pinnedOrCurrent(target);
      const ports = portsOf(dependencies, runbook, target);
      const router = ports.router();
      const source = ports.metrics(target);
      let since: MetricCursor | null = null;

      const moved = await pollUntil(until, BETWEEN_ASKS_MS, run.signal, async () => {
        try {
          const share = await readShare(router, { version: target.blue, percentage: 100 }, run);
          if (share.is === 'kept') return undefined;
          if (share.is === 'moved') {
            const by = await whoMovedIt(router, run);
            return `The traffic moved after the rollback: ${share.found}.${by === undefined ? '' : ` ${by}.`}`;
          }
          const { cursor, intervals } = await source.read(since, run.signal);
          since = cursor;
          const stray = intervals.reduce((sum, { counts }) => sum + (counts[target.green]?.requests ?? 0), 0);
          return stray === 0
            ? undefined
            : `The traffic moved after the rollback: ${target.green} got ${stray} requests.`;
        } catch {
          // Not being able to look for a moment is no sign of movement; the next look tells.
          run.signal.throwIfAborted();
          return undefined;
        }
      });
      return moved === undefined ? {} : { moved };
    });
}
