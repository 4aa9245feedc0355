import { Context } from '@temporalio/activity';
import { createJudge, type JudgeState } from '../judge/judge.ts';
import { freshCounts, mergeReadings } from '../metrics/counts.ts';
import { createMetricSource } from '../metrics/create-source.ts';
import type { Reading } from '../metrics/source.ts';
import type { Counts } from '../runbook/plan.ts';
import { toLimits } from '../runbook/to-plan.ts';
import type { Activities, WatchCarry, WatchHeartbeat, WatchInput, WindowResult } from './activities.ts';
import { attended, pause } from './attendance.ts';
import type { Dependencies } from './dependencies.ts';

const NOTHING: Counts & { readonly seconds: number } = { requests: 0, failed: 0, slow: 0, seconds: 0 };
/** The last reading of a window that was asked to close has its own bound; the activity's signal is spent by then. */
const LAST_READ_MS = 5_000;

/**
 * Polls, counts and judges until `until`, or until asked to cancel, which means "close the window now". All that was
 * seen is in the heartbeat, so that a retry on another worker goes on where this one stopped and, since the counters
 * are cumulative, counts nothing twice or not at all.
 */
export function watchWindow({ runbooks }: Dependencies): Activities['watchWindow'] {
  return (input) =>
    attended(async ({ signal, heartbeat }) => {
      const context = Context.current();
      const runbook = await runbooks.pinned(input.target);
      const source = createMetricSource(runbook.metrics, toLimits(runbook.limits));
      const judge = createJudge(input.rules);

      let seen = context.info.heartbeatDetails
        ? (context.info.heartbeatDetails as WatchHeartbeat)
        : newWindow(soakOf(input, judge));
      for (;;) {
        const closing = isAskedToClose(context);
        seen = await poll(seen, () => source.read(closing ? AbortSignal.timeout(LAST_READ_MS) : signal));
        heartbeat(seen);
        if (seen.verdict === 'breached' || closing || Date.now() >= input.until) return withoutLive(seen);
        await pause(Math.min(input.pollMs, input.until - Date.now()), signal).catch((error: unknown) => {
          if (!isAskedToClose(context)) throw error;
        });
      }

      async function poll(before: WatchHeartbeat, read: () => Promise<Reading>): Promise<WatchHeartbeat> {
        const { carry } = before;
        const state: JudgeState = carry.judge ?? judge.start(input.soakStartedAt);
        try {
          const reading = await read();
          return take(before, state, reading);
        } catch (error) {
          if (signal.aborted && !isAskedToClose(context)) throw error;
          const now = Date.now();
          const problem = error instanceof Error ? error.message : String(error);
          return { ...before, ...judge.judge(state, now), to: now, problem };
        }
      }

      function take(before: WatchHeartbeat, state: JudgeState, reading: Reading): WatchHeartbeat {
        const { problem: _, latest: __, ...window } = before;
        const previous = before.carry.reading;
        const fresh = freshCounts(previous, reading);
        const green = fresh[input.target.green] ?? NOTHING;
        const blue = fresh[input.target.blue] ?? NOTHING;
        const from = previous?.at ?? reading.at;
        const next = previous ? judge.observe(state, { from, to: reading.at, green, blue }) : state;
        const carry = { ...before.carry, reading: mergeReadings(previous, reading), judge: next };
        return {
          ...window,
          ...judge.judge(next, reading.at),
          to: reading.at,
          green: add(before.green, green),
          blue: add(before.blue, blue),
          carry,
          latest: { intervalMs: reading.at - from, green: live(green), blue: live(blue) },
        };
      }
    });
}

/** Where the judge stands as this window opens: a new soak keeps what builds up, and proves its health afresh. */
function soakOf({ carry, soakStartedAt }: WatchInput, judge: ReturnType<typeof createJudge>): WatchCarry {
  if (!carry.judge) return { ...carry, judge: judge.start(soakStartedAt), soakStartedAt };
  if (carry.soakStartedAt === soakStartedAt) return carry;
  return { ...carry, judge: judge.nextSoak(carry.judge, soakStartedAt), soakStartedAt };
}

function newWindow(carry: WatchCarry): WatchHeartbeat {
  const now = Date.now();
  const none = { requests: 0, failed: 0, slow: 0 };
  return { verdict: 'inconclusive', reason: 'nothing seen yet', from: now, to: now, green: none, blue: none, carry };
}

function withoutLive({ latest: _, problem, ...window }: WatchHeartbeat): WindowResult {
  return problem === undefined ? window : { ...window, reason: `${window.reason} (${problem})` };
}

/** Only a request to cancel closes a window; a lost or stopping worker must throw, so that another one goes on. */
function isAskedToClose({ cancellationDetails }: Context): boolean {
  const details = cancellationDetails;
  if (!details?.cancelRequested) return false;
  return !(details.workerShutdown || details.timedOut || details.notFound);
}

function add(sum: Counts, more: Counts): Counts {
  return {
    requests: sum.requests + more.requests,
    failed: sum.failed + more.failed,
    slow: sum.slow + more.slow,
  };
}

function live({ requests, failed, slow, seconds }: Counts & { readonly seconds: number }) {
  return { requests, failed, slow, meanMs: requests === 0 ? 0 : (seconds / requests) * 1_000 };
}
