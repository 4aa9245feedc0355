import { Context, log } from '@temporalio/activity';
import type {
  Activities,
  LiveCounts,
  MeasuredCounts,
  Reading,
  WatchHeartbeat,
  WatchInput,
  WatchState,
  WindowResult,
} from '../domain/index.ts';
import {
  type Counts,
  createJudge,
  type Judge,
  type Judgement,
  type JudgeRules,
  type JudgeState,
} from '../judge/index.ts';
import { advance, type Compared, createMetricSource, otherVersions } from '../metrics/index.ts';
import type { Poll } from '../report/index.ts';
import { type Runbook, toLimits } from '../runbook/index.ts';
import { blueHistory } from './baseline-history.ts';
import type { Dependencies } from './dependencies.ts';
import { pause, withHeartbeat } from './with-heartbeat.ts';

const NOTHING: Counts & { readonly seconds: number } = { requests: 0, failed: 0, slow: 0, seconds: 0 };
/** The last reading of a window that was asked to close has its own bound; the activity's signal is spent by then. */
const LAST_READ_MS = 5_000;
/** A page that cannot be read may be quoted at length. */
const LONGEST_PROBLEM = 300;

/**
 * Polls, counts and judges until `until`, or until asked to cancel, which means "close the window now". All that was
 * seen is in the heartbeat, so that a retry on another worker goes on where this one stopped and, since the counters
 * are cumulative, counts nothing twice or not at all.
 */
export function watchWindow({ runbooks, reports, env }: Dependencies): Activities['watchWindow'] {
  return (input) =>
    withHeartbeat(async ({ signal, heartbeat }) => {
      const context = Context.current();
      const complain = (problem: string): void =>
        log.warn('the series for the report has a gap', { deployment: input.target.deployment, problem });
      const runbook = await runbooks.pinned(input.target);
      const source = createMetricSource(runbook.metrics, toLimits(runbook.limits), { env, versions: input.target });
      let judge = createJudge(input.rules);
      const measured = measuredBy(runbook);

      const history = () =>
        blueHistory(runbook, { version: input.target.blue, to: input.soakStartedAt }, { env, signal });
      let seen = context.info.heartbeatDetails
        ? (context.info.heartbeatDetails as WatchHeartbeat)
        : newWindow(await soakOf(input, judge, history), measured);
      let wasExhausted: boolean | undefined;
      for (;;) {
        const begunAt = Date.now();
        const closing = isAskedToClose(context);
        const since = seen.watchState.reading ?? undefined;
        seen = await poll(seen, () => source.read(closing ? AbortSignal.timeout(LAST_READ_MS) : signal, since));
        heartbeat(seen);
        reports.note(input.target.deployment, pollOf(input, since, seen), complain);
        const isProven = seen.verdict === 'healthy' && Date.now() >= (input.healthyFrom ?? input.until);
        // People are called by the workflow, which learns of it only from a window that has closed.
        const isExhausted = seen.exhausted === true;
        const isNews = isExhausted && wasExhausted === false;
        wasExhausted = isExhausted;
        if (seen.verdict === 'breached' || closing || isProven || isNews || Date.now() >= input.until)
          return withoutLive(seen);
        // On a beat, however long the reading took.
        await pause(Math.min(begunAt + input.pollMs, input.until) - Date.now(), signal).catch((error: unknown) => {
          if (!isAskedToClose(context)) throw error;
        });
      }

      async function poll(before: WatchHeartbeat, read: () => Promise<Reading>): Promise<WatchHeartbeat> {
        const { watchState } = before;
        const state: JudgeState = watchState.judge ?? judge.start(input.soakStartedAt);
        try {
          const reading = await read();
          judge = createJudge(asCounted(input.rules, reading));
          return take(before, state, reading);
        } catch (error) {
          if (signal.aborted && !isAskedToClose(context)) throw error;
          const now = Date.now();
          const problem = error instanceof Error ? error.message : String(error);
          return { ...unjudged(before), ...judge.judge(state, now), to: now, problem };
        }
      }

      function take(before: WatchHeartbeat, state: JudgeState, current: Reading): WatchHeartbeat {
        const { problem: _, latest: seenLast, ...window } = unjudged(before);
        const now = Date.now();
        const { reading, interval } = advance(before.watchState.reading, current);
        const watchState = { ...before.watchState, reading };
        // Nothing new: what was seen last stays what people see, and gets older.
        if (!interval)
          return {
            ...window,
            ...judged(judge.judge(state, now), current),
            ...(seenLast && { latest: seenLast }),
            to: now,
            watchState,
          };

        const { from, to, counts, restarted, absent } = interval;
        const green = counts[input.target.green] ?? NOTHING;
        const blue = counts[input.target.blue] ?? NOTHING;
        // What restarted for both is what counts them: a router, say.
        const ofBlue = restarted[input.target.blue] ?? [];
        const alone = (restarted[input.target.green] ?? []).filter((target) => !ofBlue.includes(target));
        const greenRestarts = Object.fromEntries(alone.map((target) => [target, 1]));
        const isDark = absent.includes(input.target.green) && !absent.includes(input.target.blue);
        const dark = isDark ? { greenDark: true as const } : {};
        const next = judge.observe(state, { from, to, green, blue, greenRestarts, ...dark });
        const judgement = judged(judge.judge(next, now), current);
        const latest = { intervalMs: to - from, green: measured(green), blue: measured(blue) };
        return {
          ...window,
          ...(green.requests === 0 ? withOthers(judgement, counts, input.target) : judgement),
          ...(from >= input.soakStartedAt
            ? { green: add(before.green, latest.green), blue: add(before.blue, latest.blue) }
            : {
                shifting: {
                  green: add(before.shifting?.green, latest.green),
                  blue: add(before.shifting?.blue, latest.blue),
                },
              }),
          to: now,
          watchState: { ...watchState, judge: next },
          latest,
        };
      }
    });
}

/** What the newest poll brought, for the report. */
function pollOf({ soakStartedAt }: WatchInput, since: Reading | undefined, seen: WatchHeartbeat): Poll {
  const { to: at, verdict, latest, problem, watchState } = seen;
  const to = watchState.reading?.at ?? 0;
  const isNew = since !== undefined && to > since.at && since.at >= soakStartedAt;
  return {
    soakStartedAt,
    at,
    verdict,
    ...(isNew && latest ? { counted: { from: since.at, to, green: latest.green, blue: latest.blue } } : {}),
    ...(problem === undefined ? {} : { problem: problem.slice(0, LONGEST_PROBLEM) }),
  };
}

/** The newest judgement replaces all of the one before. */
function unjudged(window: WatchHeartbeat): WatchHeartbeat {
  const { code: _, exhausted: __, missingMs: ___, ...rest } = window;
  return rest;
}

/** The rules with the line over which requests were counted as slow, so that the words name that one. */
function asCounted(rules: JudgeRules, { slowOver }: Reading): JudgeRules {
  const { latency } = rules.limits;
  if (!latency || slowOver === undefined) return rules;
  return {
    ...rules,
    limits: { ...rules.limits, latency: { ...latency, underMs: slowOver * 1_000, isStricter: true } },
  };
}

function judged(judgement: Judgement, { series, slowOver }: Reading): Judgement {
  const isApproximate = Object.values(series).some(({ approximate }) => approximate);
  const notes = [
    ...(slowOver === undefined
      ? []
      : [
          'no bucket that both versions have ends at the limit: this stricter line can prove health, but no breach of the limit',
        ]),
    ...(isApproximate ? ['counted approximately: the metrics have too many series'] : []),
  ];
  return notes.length === 0 ? judgement : { ...judgement, reason: `${judgement.reason} (${notes.join('; ')})` };
}

/** Where green is missed: perhaps the metrics know it by another name. */
function withOthers(judgement: Judgement, counts: Parameters<typeof otherVersions>[0], compared: Compared): Judgement {
  const others = otherVersions(counts, compared);
  return others === undefined ? judgement : { ...judgement, reason: `${judgement.reason}; ${others}` };
}

/** Where the judge stands as this window opens: a new soak keeps what builds up, and proves its health afresh. */
async function soakOf(
  { watchState, soakStartedAt, soakMs, percentage }: WatchInput,
  judge: Judge<JudgeState>,
  readHistory: () => Promise<readonly Counts[]>,
): Promise<WatchState> {
  const facts = { soakMs, greenShare: percentage / 100 };
  if (!watchState.judge) {
    const history = await readHistory();
    return { ...watchState, judge: judge.start(soakStartedAt, { ...facts, history }), soakStartedAt };
  }
  if (watchState.soakStartedAt === soakStartedAt) return watchState;
  return { ...watchState, judge: judge.nextSoak(watchState.judge, soakStartedAt, facts), soakStartedAt };
}

function newWindow(watchState: WatchState, measured: Measured): WatchHeartbeat {
  const now = Date.now();
  const { meanMs: _, ...none } = measured(NOTHING);
  return {
    verdict: 'inconclusive',
    reason: 'nothing seen yet',
    from: now,
    to: now,
    green: none,
    blue: none,
    watchState,
  };
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

type Measured = (counts: Counts & { readonly seconds: number }) => LiveCounts;

/** Counts as they are shown: what the runbook does not measure is null, not 0. */
function measuredBy({ limits, metrics }: Runbook): Measured {
  return ({ requests, failed, slow, seconds }) => ({
    requests,
    failed,
    slow: limits.latency ? slow : null,
    meanMs: metrics.latency === undefined || requests === 0 ? null : (seconds / requests) * 1_000,
  });
}

function add(sum: MeasuredCounts | undefined, { requests, failed, slow }: MeasuredCounts): MeasuredCounts {
  if (!sum) return { requests, failed, slow };
  return {
    requests: sum.requests + requests,
    failed: sum.failed + failed,
    slow: sum.slow === null || slow === null ? null : sum.slow + slow,
  };
}
