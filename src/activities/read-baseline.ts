import { ApplicationFailure } from '@temporalio/common';
import {
  type Activities,
  type DeploymentTarget,
  FAILURE,
  type FurtherState,
  type MetricCursor,
  type WatchState,
} from '../domain/index.ts';
import type { JudgeRules } from '../judge/index.ts';
import type { MetricSource, Problem } from '../plugin/index.ts';
import { QueryError } from '../prometheus/index.ts';
import { type QueryMetric, type Runbook, toAnalysis } from '../runbook/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { countedSource } from './further-metrics.ts';
import { portsOf } from './ports.ts';
import { queryOf } from './query-value.ts';
import { pause, pollUntil, withHeartbeat } from './with-heartbeat.ts';

const BETWEEN_ASKS_MS = 1_000;
/**
 * The first shift comes so long before the next sample: the first requests of a green that fails are then seen soon, and
 * are enough to tell how long it has been failing.
 */
const BEFORE_SAMPLE_MS = 1_500;
/** Nobody waits longer for that. */
const LONGEST_WAIT_MS = 15_000;

/**
 * What cannot be judged gets no traffic: the metrics, and those of the runbook's analysis that decide, are read and found fit
 * before the first shift (invariant 14).
 */
export function readBaseline(dependencies: Dependencies): Activities['readBaseline'] {
  return ({ target, rules, timeoutMs, beforeShift }) =>
    withHeartbeat(async ({ signal }) => {
      const runbook = await dependencies.runbooks.pinned(target);
      const ports = portsOf(dependencies, runbook, target);
      const greenIsUp = beforeShift === true; // the first time, green is not deployed yet
      const source = ports.metrics(target, greenIsUp);
      const bounds = { calledAt: Date.now(), timeoutMs, staleMs: rules.staleMs };
      const [baseline, analysis] = await Promise.all([
        freshCursor(source, bounds, signal),
        analysisBaseline({ dependencies, runbook, target, greenIsUp }, { ...bounds, rules }, signal),
      ]);
      const waitMs = baseline.at + source.freshEveryMs - BEFORE_SAMPLE_MS - Date.now();
      if (beforeShift && waitMs <= LONGEST_WAIT_MS) await pause(waitMs, signal);
      const watchState = { cursor: baseline, judge: null, soakStartedAt: 0 };
      return { watchState: { ...watchState, ...(analysis && { analysis }) } };
    });
}

interface Bounds {
  readonly calledAt: number;
  readonly timeoutMs: number;
  readonly staleMs: number;
}

/** Where the counts of this moment end. @throws ApplicationFailure `MetricsUnusable` where they are not fit, or nothing is fresh. */
async function freshCursor(
  source: MetricSource,
  { calledAt, timeoutMs, staleMs }: Bounds,
  signal: AbortSignal,
): Promise<MetricCursor> {
  // Somebody else collects each target once per interval: the newest count of one target says nothing about another's.
  const countedAt = calledAt + source.freshEveryMs;

  let problem = 'They were not read.';
  let newest: MetricCursor | undefined;
  const cursor = await pollUntil(
    calledAt + timeoutMs,
    BETWEEN_ASKS_MS,
    signal,
    async (): Promise<MetricCursor | undefined> => {
      try {
        const { cursor: found, problems } = await inspect(source, signal);
        if (problems.length > 0)
          throw unusable(problems.map((one) => `Found: ${one.found}. To do: ${one.unblock}.`).join(' '));
        if (found.at >= countedAt) return found;
        newest = found;
        problem = tooOld(newest, Date.now());
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ApplicationFailure && error.nonRetryable) throw error;
        problem = unreadable(error);
        return undefined;
      }
    },
  );
  // Targets that are collected more rarely than metrics.poll says may still be fresh enough for the judge.
  const isFresh = newest !== undefined && Date.now() - newest.at <= staleMs;
  const baseline = cursor ?? (isFresh ? newest : undefined);
  if (!baseline) throw unusable(nothingFresh(timeoutMs, problem));
  return baseline;
}

/** A source that knows nothing of itself has no problems that are known. */
async function inspect(
  source: MetricSource,
  signal: AbortSignal,
): Promise<{ readonly cursor: MetricCursor; readonly problems: readonly Problem[] }> {
  return source.inspect ? source.inspect(null, signal) : { ...(await source.read(null, signal)), problems: [] };
}

const UNUSABLE = 'The metrics cannot show whether a release is healthy, so no traffic is shifted. ';

function unusable(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`${UNUSABLE}${why}`, FAILURE.MetricsUnusable);
}

function nothingFresh(timeoutMs: number, problem: string): string {
  return `For ${timeoutMs / 1_000} s nothing fresh could be read. ${problem}`;
}

function unreadable(error: unknown): string {
  return `${sentence(messageOf(error))} Make them readable, then start again.`;
}

interface Deployed {
  readonly dependencies: Dependencies;
  readonly runbook: Runbook;
  readonly target: DeploymentTarget;
  readonly greenIsUp: boolean;
}

/** Where each further metric begins to count. One that is not critical keeps nobody from deploying. */
async function analysisBaseline(
  deployed: Deployed,
  { rules, ...bounds }: Bounds & { readonly rules: JudgeRules },
  signal: AbortSignal,
): Promise<WatchState['analysis']> {
  const metrics = toAnalysis(deployed.runbook, rules);
  if (metrics.length === 0) return undefined;
  const states = await Promise.all(
    metrics.map(async ({ config }): Promise<readonly (readonly [string, FurtherState])[]> => {
      // Without a need to have it, it is asked for once.
      const within = config.critical ? bounds : { ...bounds, timeoutMs: 0 };
      try {
        const cursor =
          config.kind === 'query'
            ? await refuseUnfit(config, deployed, within, signal)
            : await freshCursor(countedSource(config, deployed), within, signal);
        return [[config.name, { ...(cursor && { cursor }), judge: null, soakStartedAt: 0 }]];
      } catch (error) {
        signal.throwIfAborted();
        if (!config.critical) return [];
        const why = error instanceof Error ? error.message.replace(UNUSABLE, '') : String(error);
        throw unusable(`The further metric ${config.name} (analysis): ${why}`);
      }
    }),
  );
  return Object.fromEntries(states.flat());
}

/** Asks the query once, for blue: green does not run yet. Where the query names blue, it has to have a value. */
async function refuseUnfit(
  config: QueryMetric['config'],
  { target, dependencies }: Deployed,
  { calledAt, timeoutMs }: Bounds,
  signal: AbortSignal,
): Promise<undefined> {
  const value = queryOf(config, { ...target, green: target.blue }, dependencies.env);
  let problem = '';
  const isFit = await pollUntil(calledAt + timeoutMs, BETWEEN_ASKS_MS, signal, async () => {
    try {
      if ((await value(signal)) !== null || !config.query.includes('{blue}')) return true;
      problem = `The query has no value for ${target.blue}. Correct it, or let blue export what it asks for.`;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof QueryError)
        throw unusable(`${sentence(error.message)} Correct the query, then start again.`);
      problem = unreadable(error);
    }
    return undefined;
  });
  if (!isFit) throw unusable(nothingFresh(timeoutMs, problem));
  return undefined;
}

function tooOld({ at }: MetricCursor, now: number): string {
  const age = Math.round((now - at) / 1_000);
  return `The newest counts are ${age} s old. Let the metrics be collected every metrics.poll, and compare the clocks of this worker and of the metrics.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
