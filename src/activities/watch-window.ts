import { Context, log } from '@temporalio/activity';
import type { Activities, WatchHeartbeat, WatchInput, WatchState } from '../domain/index.ts';
import {
  type Counts,
  createJudge,
  type Judge,
  type Judgement,
  type JudgeRules,
  type JudgeState,
  unread,
} from '../judge/index.ts';
import { addCounts, type FreshCounts, type MetricInterval, type MetricReading, NO_COUNTS } from '../plugin/index.ts';
import type { Runbook } from '../runbook/index.ts';
import { messageOf } from '../util/index.ts';
import { blueHistory } from './baseline-history.ts';
import type { Dependencies } from './dependencies.ts';
import { openFurtherMetrics } from './further-metrics.ts';
import { type InstancesLook, lookAtInstances, newsOf, withInstances } from './instances.ts';
import { keptTraffic } from './kept-traffic.ts';
import { observed } from './observed.ts';
import { otherVersions } from './other-versions.ts';
import { portsOf } from './ports.ts';
import { readingBeat } from './reading-beat.ts';
import {
  add,
  measuredBy,
  newWindow,
  pollOf,
  readAt,
  setRight,
  unjudged,
  withFurther,
  withoutItsTraffic,
  withoutLive,
} from './seen-window.ts';
import { createTurns } from './turns.ts';
import { beatMs } from './watch-beat.ts';
import { watchedMetric } from './watched-metric.ts';
import { pause, withSparingHeartbeat } from './with-heartbeat.ts';

/** The last reading of a window that was asked to close has its own bound; the activity's signal is spent by then. */
const LAST_READ_MS = 5_000;

/**
 * Polls, counts and judges until `until`, or until asked to cancel, which means "close the window now". All that was
 * seen is in the heartbeat, so that a retry on another worker goes on where this one stopped and, since the counters
 * are cumulative, counts nothing twice or not at all.
 */
export function watchWindow(dependencies: Dependencies): Activities['watchWindow'] {
  const { runbooks, reports } = dependencies;
  const turns = createTurns();
  return (input) =>
    withSparingHeartbeat({ everyMs: beatMs(input, Context.current().info), turns }, async ({ signal, heartbeat }) => {
      const context = Context.current();
      const complain = (problem: string): void => log.warn('the series for the report has a gap', { problem });
      const runbook = await runbooks.pinned(input.target);
      const ports = portsOf(dependencies, runbook, input.target);
      const source = ports.metrics(input.target);
      const workload = ports.workload();
      const traffic = keptTraffic(ports.router(), input, signal);
      let judge = createJudge(input.rules);
      const measured = measuredBy(runbook, source);

      const history = () => blueHistory(source, { version: input.target.blue, to: input.soakStartedAt }, signal);
      const kept = context.info.heartbeatDetails as WatchHeartbeat | undefined;
      const left = kept?.watchState ?? input.watchState;
      const { analysis } = left; // first: what throws between two promises leaves one that nobody waits for
      const [begun, further] = await Promise.all([
        soakOf(input, left, { runbook, judge, history }),
        openFurtherMetrics(input, analysis, { dependencies, runbook, signal }),
      ]);
      let seen = kept ? { ...kept, watchState: begun } : newWindow(begun, measured);
      const nextReadingAt = readingBeat(input.pollMs);
      const isWatched = watchedMetric(context, input.target);
      let wasExhausted: boolean | undefined;
      for (;;) {
        const begunAt = Date.now();
        const closing = isAskedToClose(context);
        const since = seen.watchState.cursor;
        const readSignal = closing ? AbortSignal.timeout(LAST_READ_MS) : signal;
        const before = seen;
        const readingFurther = further.read(readSignal);
        const looking = lookAtInstances(workload, input.target, readSignal);
        seen = await poll(seen, async () => ({
          reading: await source.read(since, readSignal),
          look: await looking,
        }));
        // Perhaps somebody else took its traffic away: that is not green's fault.
        const taken = seen.code === 'no-green-traffic' ? await traffic.look() : undefined;
        if (taken) seen = withoutItsTraffic(before, seen, taken);
        if (seen.verdict !== 'breached') await readingFurther;
        seen = withFurther(seen, further);
        seen = { ...seen, reason: withInstances(seen.reason, await looking, input.target) };
        heartbeat(seen);
        isWatched();
        reports.note(input.target.deployment, pollOf(input, since, seen), complain);
        const isProven = seen.verdict === 'healthy' && Date.now() >= (input.healthyFrom ?? input.until);
        // People are called by the workflow, which learns of it only from a window that has closed.
        const isExhausted = seen.exhausted === true;
        const isNews = isExhausted && wasExhausted === false;
        wasExhausted = isExhausted;
        const moved = seen.verdict === 'breached' || closing ? undefined : traffic.moved(seen);
        if (seen.verdict === 'breached' || closing || isProven || isNews || moved || Date.now() >= input.until) {
          further.stop();
          traffic.stop();
          return moved ? { ...withoutLive(setRight(judge, seen)), moved } : withoutLive(seen);
        }
        const nextAt = nextReadingAt(readAt(begunAt, since, seen));
        await pause(Math.min(nextAt, input.until) - Date.now(), signal).catch((error: unknown) => {
          if (!isAskedToClose(context)) throw error;
        });
      }

      async function poll(before: WatchHeartbeat, read: () => Promise<Read>): Promise<WatchHeartbeat> {
        const { watchState } = before;
        const state: JudgeState = watchState.judge ?? judge.start(input.soakStartedAt);
        try {
          const found = await read();
          judge = createJudge(asCounted(input.rules, found.reading));
          return take(before, state, found);
        } catch (error) {
          if (signal.aborted && !isAskedToClose(context)) throw error;
          const now = Date.now();
          const problem = messageOf(error);
          return { ...unjudged(before), ...unread(judge.judge(state, now)), to: now, problem };
        }
      }

      function take(before: WatchHeartbeat, state: JudgeState, { reading, look }: Read): WatchHeartbeat {
        const { problem: _, latest: seenLast, ...window } = unjudged(before);
        const { cursor, intervals } = reading;
        const now = Date.now();
        const [first] = intervals;
        const last = intervals.at(-1);
        const { restarts } = before.watchState;
        const news = newsOf(look, restarts);
        const next = intervals.reduce(
          (reached, one) => judge.observe(reached, observed(one, input.target, one === last ? news : undefined)),
          state,
        );
        const judgement = judged(judge.judge(next, now), reading);
        // News that no interval of the soak could take come again with the next look.
        const isTaken = restarts === undefined || (last !== undefined && last.from >= input.soakStartedAt);
        const watchState = {
          ...before.watchState,
          cursor,
          ...(isTaken && look.green && { restarts: look.green.restarts }),
        };
        // Nothing new: what was seen last stays what people see, and gets older.
        if (!first || !last)
          return { ...window, ...judgement, ...(seenLast && { latest: seenLast }), to: now, watchState };

        const counts = sumOf(intervals);
        const ofBoth = (part: readonly MetricInterval[]) => {
          const sum = sumOf(part);
          return {
            green: measured(sum[input.target.green] ?? NO_COUNTS),
            blue: measured(sum[input.target.blue] ?? NO_COUNTS),
          };
        };
        const soak = intervals.filter(({ from }) => from >= input.soakStartedAt);
        const shift = intervals.filter(({ from }) => from < input.soakStartedAt);
        const inSoak = ofBoth(soak);
        const inShift = ofBoth(shift);
        return {
          ...window,
          ...(isUnasked(counts, input.target) ? withOthers(judgement, counts, input.target) : judgement),
          ...(soak.length > 0 && { green: add(before.green, inSoak.green), blue: add(before.blue, inSoak.blue) }),
          ...(shift.length > 0 && {
            shifting: {
              green: add(before.shifting?.green, inShift.green),
              blue: add(before.shifting?.blue, inShift.blue),
            },
          }),
          to: now,
          watchState: { ...watchState, judge: next },
          latest: { intervalMs: last.to - first.from, ...ofBoth(intervals) },
        };
      }
    });
}

/** What one poll brings. */
interface Read {
  readonly reading: MetricReading;
  readonly look: InstancesLook;
}

/** The rules with the line over which requests were counted as slow, so that the words name that one. */
function asCounted(rules: JudgeRules, { slowOver }: MetricReading): JudgeRules {
  const { latency } = rules.limits;
  if (!latency || slowOver === undefined) return rules;
  return {
    ...rules,
    limits: { ...rules.limits, latency: { ...latency, underMs: slowOver * 1_000, isStricter: true } },
  };
}

function judged(judgement: Judgement, { approximate, slowOver }: MetricReading): Judgement {
  const notes = [
    ...(slowOver === undefined
      ? []
      : [
          'no bucket that both versions have ends at the limit: this stricter line can prove health, but no breach of the limit',
        ]),
    ...(approximate ? ['counted approximately: the metrics have too many series'] : []),
  ];
  return notes.length === 0 ? judgement : { ...judgement, reason: `${judgement.reason} (${notes.join('; ')})` };
}

function sumOf(intervals: readonly MetricInterval[]): Record<string, FreshCounts> {
  const sums = new Map<string, FreshCounts>();
  for (const { counts } of intervals)
    for (const [version, more] of Object.entries(counts))
      sums.set(version, addCounts(sums.get(version) ?? NO_COUNTS, more));
  return Object.fromEntries(sums);
}

function isUnasked(counts: Readonly<Record<string, FreshCounts>>, { green }: Versions): boolean {
  return (counts[green]?.requests ?? 0) === 0;
}

type Versions = Pick<WatchInput['target'], 'blue' | 'green'>;

/** Where green is missed: perhaps the metrics know it by another name. */
function withOthers(judgement: Judgement, counts: Parameters<typeof otherVersions>[0], compared: Versions): Judgement {
  const others = otherVersions(counts, compared);
  return others === undefined ? judgement : { ...judgement, reason: `${judgement.reason}; ${others}` };
}

/** Where the judge stands as this window opens: a new soak keeps what builds up, and proves its health afresh. */
async function soakOf(
  { soakStartedAt, soakMs, percentage }: WatchInput,
  watchState: WatchState,
  {
    runbook,
    judge,
    history,
  }: {
    readonly runbook: Runbook;
    readonly judge: Judge<JudgeState>;
    readonly history: () => Promise<readonly Counts[]>;
  },
): Promise<WatchState> {
  const facts = { soakMs, longestSoakMs: soakMs * runbook.watch.maxSoakFactor, greenShare: percentage / 100 };
  if (!watchState.judge || !judge.canContinue(watchState.judge))
    return {
      ...watchState,
      judge: judge.start(soakStartedAt, { ...facts, history: await history() }),
      soakStartedAt,
    };
  if (watchState.soakStartedAt === soakStartedAt) return watchState;
  return { ...watchState, judge: judge.nextSoak(watchState.judge, soakStartedAt, facts), soakStartedAt };
}

/** Only a request to cancel closes a window; a lost or stopping worker must throw, so that another one goes on. */
function isAskedToClose({ cancellationDetails }: Context): boolean {
  const details = cancellationDetails;
  if (!details?.cancelRequested) return false;
  return !(details.workerShutdown || details.timedOut || details.notFound);
}
