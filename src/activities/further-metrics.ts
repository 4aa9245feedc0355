import type { DeploymentTarget, FurtherResult, FurtherState, WatchInput, WatchState } from '../domain/index.ts';
import {
  type ConditionState,
  type CountedState,
  conditionJudge,
  countedJudge,
  countedShares,
  type Judgement,
  unread,
} from '../judge/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import { type CountedMetric, type QueryMetric, type Runbook, toAnalysis } from '../runbook/index.ts';
import { messageOf } from '../util/index.ts';
import { blueHistory } from './baseline-history.ts';
import type { Dependencies } from './dependencies.ts';
import { observed } from './observed.ts';
import { portsOf } from './ports.ts';
import { queryOf } from './query-value.ts';
import { pause } from './with-heartbeat.ts';

/** The watch waits so long at most for the further metrics; what takes longer counts with the next reading. */
const PATIENCE_MS = 1_000;
const LONGEST_REASON = 400;

/** One further metric under watch. */
interface Meter {
  readonly name: string;
  state(): FurtherState;
  /** Takes in what is new. @throws where it cannot be read; the state is then as before. */
  read(signal: AbortSignal): Promise<void>;
  judge(now: number): MeterResult;
}

/** What it says; `mayWait`: it is not proven, and need not be. */
interface MeterResult extends FurtherResult, Judgement {
  readonly mayWait: boolean;
}

/** The further metrics of one window: read beside the main one, and never in its way. */
export interface FurtherMetrics {
  /** Reads all of them, each at most once at a time, and waits a moment for them. */
  read(signal: AbortSignal): Promise<void>;
  /** By name; undefined where the runbook has none. */
  states(): WatchState['analysis'];
  judge(now: number): readonly MeterResult[];
  /** What is still being read is given up: the next window reads it. */
  stop(): void;
}

type Means = { readonly dependencies: Dependencies; readonly runbook: Runbook; readonly signal: AbortSignal };

/** Opens them where the last window, or a lost worker, left them. */
export async function openFurtherMetrics(
  input: WatchInput,
  before: WatchState['analysis'],
  { dependencies, runbook, signal }: Means,
): Promise<FurtherMetrics> {
  const facts = {
    soakMs: input.soakMs,
    longestSoakMs: input.soakMs * runbook.watch.maxSoakFactor,
    greenShare: input.percentage / 100,
  };
  const meters = await Promise.all(
    toAnalysis(runbook, input.rules).map(async (metric) => {
      const known = { input, facts, kept: before?.[metric.config.name] };
      return metric.kind === 'query'
        ? queryMeter(metric, known, dependencies)
        : countedMeter(metric, known, { dependencies, runbook, signal });
    }),
  );
  return inParallel(meters);
}

function inParallel(meters: readonly Meter[]): FurtherMetrics {
  const stopped = new AbortController();
  const underWay = new Map<string, Promise<void>>();
  const problems = new Map<string, string>();

  async function readOne(meter: Meter, signal: AbortSignal): Promise<void> {
    try {
      await meter.read(AbortSignal.any([signal, stopped.signal]));
      problems.delete(meter.name);
    } catch (error) {
      problems.set(meter.name, messageOf(error));
    } finally {
      underWay.delete(meter.name);
    }
  }

  return {
    async read(signal) {
      if (meters.length === 0) return;
      for (const meter of meters) if (!underWay.has(meter.name)) underWay.set(meter.name, readOne(meter, signal));
      const waiting = new AbortController();
      const wait = pause(PATIENCE_MS, waiting.signal).catch(() => undefined);
      await Promise.race([Promise.all(underWay.values()), wait]);
      waiting.abort();
    },
    states: () =>
      meters.length === 0 ? undefined : Object.fromEntries(meters.map((meter) => [meter.name, meter.state()])),
    judge: (now) =>
      meters.map((meter) => {
        const problem = problems.get(meter.name);
        const judged = meter.judge(now);
        const result = problem === undefined ? judged : { ...unread(judged), mayWait: false };
        const reason = problem === undefined ? result.reason : `${result.reason} (${problem})`;
        return { ...result, reason: reason.slice(0, LONGEST_REASON) };
      }),
    stop: () => stopped.abort(),
  };
}

interface Known {
  readonly input: WatchInput;
  readonly facts: { readonly soakMs: number; readonly longestSoakMs: number; readonly greenShare: number };
  readonly kept: FurtherState | undefined;
}

async function countedMeter(
  { config, rules }: CountedMetric,
  { input, facts, kept }: Known,
  { dependencies, runbook, signal }: Means,
): Promise<Meter> {
  const { name, critical } = config;
  const { target, soakStartedAt } = input;
  const source = countedSource(config, { dependencies, runbook, target });
  const judge = countedJudge(rules);
  let cursor = kept?.cursor ?? null;
  let state = await begun(kept?.judge as CountedState | null | undefined);

  async function begun(before: CountedState | null | undefined): Promise<CountedState> {
    if (!before || !judge.canContinue(before)) {
      const history = await blueHistory(source, { version: target.blue, to: soakStartedAt }, signal);
      return judge.start(soakStartedAt, { ...facts, history });
    }
    return kept?.soakStartedAt === soakStartedAt ? before : judge.nextSoak(before, soakStartedAt, facts);
  }

  return {
    name,
    state: () => ({ cursor, judge: state, soakStartedAt }),
    async read(abort) {
      const reading = await source.read(cursor, abort);
      cursor = reading.cursor;
      state = reading.intervals.reduce((reached, one) => judge.observe(reached, observed(one, target)), state);
    },
    judge(now) {
      const judgement = judge.judge(state, now);
      const mayWait = judgement.code === 'insufficient-data' && !config.required;
      return { name, kind: 'counted', critical, ...judgement, ...countedShares(state), mayWait };
    },
  };
}

function queryMeter({ config, rules }: QueryMetric, { input, kept }: Known, dependencies: Dependencies): Meter {
  const { name, critical } = config;
  const { target, soakStartedAt } = input;
  const value = queryOf(config, target, dependencies.env);
  const judge = conditionJudge(rules);
  const before = kept?.judge as ConditionState | null | undefined;
  let state = !before
    ? judge.start(soakStartedAt)
    : kept?.soakStartedAt === soakStartedAt
      ? before
      : judge.nextSoak(before, soakStartedAt);
  let newest: number | null = null;
  return {
    name,
    state: () => ({ judge: state, soakStartedAt }),
    async read(signal) {
      newest = null;
      newest = await value(signal);
      state = judge.observe(state, newest, Date.now());
    },
    judge(now) {
      const judgement = judge.judge(state, now);
      return { name, kind: 'query', critical, ...judgement, green: newest, blue: null, mayWait: false };
    },
  };
}

/** The source of a counted metric: one of the registry's, without slow requests. */
export function countedSource(
  config: CountedMetric['config'],
  {
    dependencies,
    runbook,
    target,
    greenIsUp,
  }: {
    readonly dependencies: Dependencies;
    readonly runbook: Runbook;
    readonly target: DeploymentTarget;
    readonly greenIsUp?: boolean;
  },
): MetricSource {
  return portsOf(dependencies, runbook, target).further(config.metrics, target, greenIsUp);
}

/** The result as it is kept: without what only the watch needs. */
export function keptResult({ mayWait: _, exhausted: __, missingMs: ___, ...result }: MeterResult): FurtherResult {
  return result;
}

/**
 * The judgement of the main metrics with that of the further ones. Those that are critical can breach it and put it in doubt; what
 * they do not know yet is an objection only where the runbook requires proof.
 */
export function joinJudgements(main: Judgement, further: readonly MeterResult[]): Judgement {
  const critical = further.filter((one) => one.critical);
  const named = ({ name, reason }: MeterResult) => `${name}: ${reason}`;
  const [breach, ...more] = critical.filter(({ verdict }) => verdict === 'breached');
  if (main.verdict === 'breached' || breach) {
    const first = main.verdict === 'breached' ? main : breach;
    const reasons = [
      ...(main.verdict === 'breached' ? [main.reason] : []),
      ...(breach ? [breach, ...more].map(named) : []),
    ];
    return { verdict: 'breached', reason: reasons.join('; '), ...(first?.code && { code: first.code }) };
  }
  // What looks wrong is more telling than what is merely not there yet.
  const isWrong = ({ verdict, code }: Judgement) => verdict === 'inconclusive' && code !== 'insufficient-data';
  const doubts = critical.filter(({ verdict, mayWait }) => verdict === 'inconclusive' && !mayWait);
  if (isWrong(main) || doubts.length === 0) return main;
  const wrong = doubts.find(isWrong);
  if (wrong) {
    const { code, exhausted } = wrong;
    return { verdict: 'inconclusive', reason: named(wrong), ...(code && { code }), ...(exhausted && { exhausted }) };
  }
  const missingMs = Math.max(...[main, ...doubts].map((one) => one.missingMs ?? 0));
  return {
    verdict: 'inconclusive',
    reason: [...(main.verdict === 'inconclusive' ? [main.reason] : []), ...doubts.map(named)].join('; '),
    code: 'insufficient-data',
    ...(missingMs > 0 ? { missingMs } : {}),
  };
}
