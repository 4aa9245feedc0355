import { Context } from '@temporalio/activity';
import { planTrain } from '../../src/activities/plan-train.ts';
import type { Activities, ReportInput } from '../../src/domain/activities.ts';
import type { WatchInput, WindowResult } from '../../src/domain/activity-results.ts';
import type { CheckResult, DeploymentPlan, DeploymentRequest, PlannedCheck } from '../../src/domain/plan.ts';
import type { Verdict } from '../../src/judge/rules.ts';
import { PATIENCE_MS } from './patience.ts';

/** A world that follows a script: healthy in every way that the script does not change. */
export interface World {
  readonly activities: Activities;
  /** What was asked of it, in order: `deploy`, `shift 50`, `watch`, `restore 1`, ... */
  readonly asked: string[];
}

export interface Script {
  readonly plan?: (plan: DeploymentPlan) => DeploymentPlan;
  readonly checks?: readonly PlannedCheck[];
  /** The outcome of the window; by default every window is healthy at its end. */
  readonly watch?: (window: { readonly soak: number; readonly number: number }) => Partial<WindowResult> | undefined;
  readonly activities?: Partial<Activities>;
}

export const CHECKS = {
  critical: check({ id: 'indexes', title: 'Create indexes for new query patterns', critical: true }),
  ordinary: check({ id: 'pool-size', title: 'Validate database connection pool sizing' }),
  person: check({ id: 'load-test', title: 'Conduct load testing', group: 'Testing', checkedBy: 'person' }),
};

function check(given: Partial<PlannedCheck>): PlannedCheck {
  const base = { id: 'check', title: 'Check', group: 'Database', critical: false, timeoutMs: PATIENCE_MS };
  return { checkedBy: 'worker', ...base, ...given };
}

/** The guide's plan in milliseconds: 50 % with an approval, then 100 %. Its bounds are wide: what runs into one says so itself. */
export function planFor(request: DeploymentRequest): DeploymentPlan {
  const { service, version: green, environment = 'production' } = request;
  return {
    target: { deployment: `test/${service}`, service, environment, blue: '2.4.0', green, digest: 'd'.repeat(64) },
    checklist: { checks: [], timeoutMs: PATIENCE_MS },
    verifyGreen: [],
    deploy: { timeoutMs: PATIENCE_MS },
    shift: { timeoutMs: PATIENCE_MS },
    traffic: [
      { percentage: 50, soakMs: 300, approval: { required: 1, timeoutMs: PATIENCE_MS, onTimeout: 'rollback' } },
      { percentage: 100, soakMs: 300 },
    ],
    judge: {
      rule: 'threshold',
      limits: { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } },
      batchMs: 100,
      minRequests: 50,
      breachesInARow: 3,
      pollMs: 50,
      staleMs: 5_000,
    },
    watch: { pollMs: 50, windowMs: 200, gateWindowMs: 10_000, maxUnwatchedMs: 60_000, maxSoakFactor: 3 },
    rollback: { timeoutMs: PATIENCE_MS, roundMs: PATIENCE_MS, pauseMs: 1_000, guardMs: 50 },
    recovery: { targetMs: 90_000 },
    notificationEvents: [],
  };
}

export function passed(summary = 'as required'): CheckResult {
  return {
    passed: true,
    summary,
    evidence: [{ what: 'it', measured: '1', required: '1' }],
    checkedAt: 1,
    durationMs: 1,
  };
}

export function failed(summary = 'too few connections'): CheckResult {
  return { ...passed(summary), passed: false, unblock: 'raise max_connections' };
}

export function world(script: Script = {}): World {
  const asked: string[] = [];
  const soaks: number[] = [];
  let windows = 0;

  const activities: Activities = {
    resolvePlan: async (request) => {
      const plan = planFor(request);
      const withChecks = { ...plan, checklist: { ...plan.checklist, checks: script.checks ?? [] } };
      return script.plan?.(withChecks) ?? withChecks;
    },
    resolveRollback: async ({ service, environment }) => ({
      plan: { ...planFor({ service, version: '2.5.0', ...(environment && { environment }) }), traffic: [] },
      undoes: { run: 'the-run', closed: 'completed', closedAt: Date.now() },
      greenPercentage: 100,
      shiftBegunAt: Date.now(),
    }),
    retireBlue: async ({ target }) => ({ deployment: target.deployment, retiredAt: Date.now(), evidence: [] }),
    runCheck: async () => passed(),
    runRemedy: async () => ({ done: true, summary: 'fixed', startedAt: Date.now(), durationMs: 1 }),
    readBaseline: async () => ({ watchState: { cursor: null, judge: null, soakStartedAt: 0 } }),
    deployGreen: async () => ({ evidence: [] }),
    shiftTraffic: async () => ({ shiftedAt: Date.now(), evidence: [] }),
    awaitThaw: async () => [],
    watchWindow: async (input) => {
      if (!soaks.includes(input.soakStartedAt)) soaks.push(input.soakStartedAt);
      windows += 1;
      const number = windows;
      const outcome = () => script.watch?.({ soak: soaks.indexOf(input.soakStartedAt) + 1, number });
      await windowEnd(input, () => outcome()?.verdict ?? 'healthy');
      return { ...healthyNow(input), ...outcome() };
    },
    restoreTraffic: async () => ({ startedAt: Date.now(), restoredAt: Date.now(), readBack: true, evidence: [] }),
    verifyRecovery: async () => ({ healthyAt: Date.now(), requests: 50, evidence: [] }),
    guardTraffic: async () => ({}),
    confirmApprovals: async ({ approvals }) => ({ answers: approvals.map(({ by }) => ({ by })) }),
    notify: async () => {},
    writeReport: async () => ({ where: 'reports/somewhere' }),
    planTrain: planTrain(),
    findRunbook: async () => {},
    ...script.activities,
  };
  const named = <Input>(name: (input: Input) => string, act: (input: Input) => Promise<unknown>) =>
    (async (input: Input) => {
      asked.push(name(input));
      return act(input);
    }) as never;
  return {
    asked,
    activities: {
      resolvePlan: activities.resolvePlan,
      resolveRollback: activities.resolveRollback,
      retireBlue: named(() => 'retire', activities.retireBlue as never),
      runCheck: named(({ checkId }: { checkId: string }) => `check ${checkId}`, activities.runCheck as never),
      runRemedy: named(({ checkId }: { checkId: string }) => `remedy ${checkId}`, activities.runRemedy as never),
      readBaseline: activities.readBaseline,
      deployGreen: named(() => 'deploy', activities.deployGreen as never),
      shiftTraffic: named(
        ({ percentage }: { percentage: number }) => `shift ${percentage}`,
        activities.shiftTraffic as never,
      ),
      awaitThaw: activities.awaitThaw,
      watchWindow: named(() => 'watch', activities.watchWindow as never),
      restoreTraffic: named(({ round }: { round: number }) => `restore ${round}`, activities.restoreTraffic as never),
      verifyRecovery: named(() => 'verify', activities.verifyRecovery as never),
      guardTraffic: named(() => 'guard', activities.guardTraffic as never),
      confirmApprovals: named(() => 'confirm', activities.confirmApprovals as never),
      notify: named(({ severity }: { severity: string }) => `notify ${severity}`, activities.notify as never),
      writeReport: named(({ report }: ReportInput) => `report ${report.outcome}`, activities.writeReport as never),
      planTrain: activities.planTrain,
      findRunbook: activities.findRunbook,
    },
  };
}

/** A window that is healthy at its end. */
export async function healthyWindow(input: WatchInput): Promise<WindowResult> {
  await windowEnd(input, () => 'healthy');
  return healthyNow(input);
}

/** Returns when the window ends as the real one does, or is asked to close; beats often so that a cancellation arrives at once. */
async function windowEnd({ until, healthyFrom = until }: WatchInput, verdict: () => Verdict): Promise<void> {
  const context = Context.current();
  const isOver = () => verdict() === 'breached' || Date.now() >= (verdict() === 'healthy' ? healthyFrom : until);
  while (!isOver() && !context.cancellationSignal.aborted) {
    context.heartbeat();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function healthyNow({ watchState, soakStartedAt }: WatchInput): WindowResult {
  const counts = { requests: 100, failed: 0, slow: 0 };
  const now = Date.now();
  return {
    verdict: 'healthy',
    reason: 'all well',
    from: now,
    to: now,
    green: counts,
    blue: counts,
    watchState: { ...watchState, soakStartedAt },
  };
}

/** An activity that goes on until it is cancelled, as a long command does. */
export function untilCancelled(): Promise<never> {
  return untilCancelledOr(new Promise(() => {}));
}

export async function untilCancelledOr<T>(settled: Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 50);
  try {
    return await Promise.race([context.cancelled, settled]);
  } finally {
    clearInterval(beat);
  }
}

/** What was asked of the platform, in order. */
export function effects(asked: readonly string[]): string[] {
  return asked.filter((one) => !/watch|notify|confirm|check|remedy|report/.test(one));
}
