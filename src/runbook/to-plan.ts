import { ApplicationFailure } from '@temporalio/common';
import {
  ANSWER_MS,
  type Approval,
  DEFAULT_ENVIRONMENT,
  type DeploymentPlan,
  type DeploymentRequest,
  FAILURE,
  type Freeze,
  type FreezePlan,
  type PlannedCheck,
  type RollbackRequest,
  type TrafficStep,
} from '../domain/index.ts';
import {
  type ConditionRules,
  type CountedRules,
  type JudgeRules,
  type Limits,
  metricsOf,
  sequentialRules,
  staleAfter,
  THRESHOLD_DEFAULTS,
  testsOf,
} from '../judge/index.ts';
import type { Analysis } from './analysis-schema.ts';
import { freezeRules } from './freeze-schema.ts';
import { UNDECIDED_TIMEOUT_MS } from './judge-schema.ts';
import { firstOf, validate } from './problems.ts';
import { version } from './scalars.ts';
import { type Runbook, type RunbookCheck, requestSchema, rollbackRequestSchema } from './schema.ts';

/**
 * What a client sent, as a request. It can name things and nothing more (invariant 2).
 * @throws ApplicationFailure `InvalidRequest`, final, with a line for each mistake: where, found, expected.
 */
export function parseRequest(sent: unknown): DeploymentRequest {
  const result = validate(requestSchema, sent);
  if ('problems' in result)
    throw invalid(
      firstOf(result.problems.map(({ path, message }) => `request${path === '' ? '' : `.${path}`}: ${message}`)),
    );
  const { service, version: green, environment, requestedBy, reason, checklistOnly, overrideFreeze } = result.value;
  return {
    service,
    version: green,
    ...(environment !== undefined && { environment }),
    ...(requestedBy !== undefined && { requestedBy }),
    ...(reason !== undefined && { reason }),
    ...(checklistOnly !== undefined && { checklistOnly }),
    ...(overrideFreeze !== undefined && { overrideFreeze }),
  };
}

/** The same for a rollback of its own. @throws as `parseRequest` */
export function parseRollbackRequest(sent: unknown): RollbackRequest {
  const result = validate(rollbackRequestSchema, sent);
  if ('problems' in result)
    throw invalid(
      firstOf(result.problems.map(({ path, message }) => `request${path === '' ? '' : `.${path}`}: ${message}`)),
    );
  const { service, environment, requestedBy, reason, force, currentRunbook, run } = result.value;
  return {
    service,
    reason,
    ...(environment !== undefined && { environment }),
    ...(requestedBy !== undefined && { requestedBy }),
    ...(force !== undefined && { force }),
    ...(currentRunbook !== undefined && { currentRunbook }),
    ...(run !== undefined && { run }),
  };
}

/**
 * The runbook as the workflow follows it. Pure.
 * @throws ApplicationFailure `InvalidRequest`, final, if blue is no version that may go into arguments, or is green: two
 *   two versions of the same name are one in the metrics.
 */
export function toPlan(input: {
  readonly runbook: Runbook;
  readonly digest: string;
  readonly request: DeploymentRequest;
  /** The version that serves now. */
  readonly blue: string;
  /** What operation ids start with. */
  readonly deployment: string;
  /** What is frozen now. */
  readonly frozen?: readonly Freeze[];
}): DeploymentPlan {
  const { runbook, digest, request, blue, deployment, frozen = [] } = input;
  const { service, version: green, environment = DEFAULT_ENVIRONMENT } = request;
  const result = validate(version, blue);
  if ('problems' in result)
    throw invalid(
      `the version that serves ${service} now: ${result.problems.map(({ message }) => message).join('; ')}`,
    );
  if (blue === green) throw invalid(`request.version: ${service} already serves ${green}, expected another version`);

  const { watch, recovery, metrics, workload, router, keepBlue } = runbook;
  return {
    target: { deployment, service, environment, blue, green, digest },
    checklist: { checks: runbook.checklist.map(toPlannedCheck), timeoutMs: runbook.checklistTimeout },
    verifyGreen: runbook.verifyGreen.map(toPlannedCheck),
    deploy: { timeoutMs: workload.timeout + ANSWER_MS },
    shift: { timeoutMs: router.timeout + ANSWER_MS },
    traffic: runbook.traffic.map(toStep),
    judge: toRules(runbook),
    watch: {
      pollMs: metrics.poll,
      windowMs: watch.window,
      gateWindowMs: watch.gateWindow,
      maxUnwatchedMs: watch.maxUnwatched,
      maxSoakFactor: watch.maxSoakFactor,
      ...(runbook.judge.rule === 'threshold' ? {} : { undecided: toUndecided(runbook.judge) }),
    },
    rollback: {
      timeoutMs: router.timeout + ANSWER_MS,
      roundMs: recovery.round,
      pauseMs: recovery.pause,
      guardMs: recovery.guard,
    },
    recovery: { targetMs: recovery.target },
    ...(keepBlue === undefined ? {} : { keepBlueMs: keepBlue }),
    notificationEvents: [...new Set(runbook.notifications.flatMap(({ events = [] }) => events))],
    freeze: toFreezePlan(runbook, frozen),
  };
}

function toFreezePlan(runbook: Runbook, now: readonly Freeze[]): FreezePlan {
  const { override, timeout } = freezeRules(runbook);
  return { now, override, timeoutMs: timeout };
}

function toRules({ judge, limits, metrics, analysis = [] }: Runbook): JudgeRules {
  const { confidence, burstTolerance, maxNoData, maxBlueUnhealthy, trafficGrace } = judge;
  const pollMs = metrics.poll;
  const counted = { limits: toLimits(limits), pollMs, minRequests: judge.minRequests };
  if (judge.rule === 'threshold') {
    const { batch = THRESHOLD_DEFAULTS.batchMs, breachesInARow = THRESHOLD_DEFAULTS.breachesInARow } = judge;
    return { rule: 'threshold', ...counted, batchMs: batch, breachesInARow, staleMs: staleAfter(pollMs) };
  }
  const furtherTests = testsShared(analysis);
  return sequentialRules({
    ...counted,
    ...(furtherTests > 0 && { furtherTests }),
    ...(confidence !== undefined && { confidence }),
    ...(burstTolerance !== undefined && { burstToleranceMs: burstTolerance }),
    ...(maxNoData !== undefined && { maxNoDataMs: maxNoData }),
    ...(maxBlueUnhealthy !== undefined && { maxBlueUnhealthyMs: maxBlueUnhealthy }),
    ...(trafficGrace !== undefined && { trafficGraceMs: trafficGrace }),
  });
}

/** A further metric, as the activities watch it. */
export type FurtherMetric = CountedMetric | QueryMetric;
export interface CountedMetric {
  readonly kind: 'counted';
  readonly config: Extract<Analysis[number], { readonly kind: 'counted' }>;
  readonly rules: CountedRules;
}
export interface QueryMetric {
  readonly kind: 'query';
  readonly config: Extract<Analysis[number], { readonly kind: 'query' }>;
  readonly rules: ConditionRules;
}

/** The further metrics of a runbook, each with the rules by which it is judged beside `rules`. */
export function toAnalysis({ analysis = [] }: Runbook, rules: JudgeRules): FurtherMetric[] {
  const { limits, minRequests } = rules;
  const isSequential = rules.rule === 'sequential';
  const common = isSequential ? rules : sequentialRules({ limits, pollMs: rules.pollMs, minRequests });
  // An informational one is no danger to a healthy release, but is judged as strictly.
  const tests = Math.max(1, (isSequential ? 2 * metricsOf(limits).length : 0) + testsShared(analysis));
  return analysis.map((config) => {
    const { maxNoDataMs } = common;
    if (config.kind === 'query') {
      const { below, above, for: forMs } = config;
      const bounds = { ...(below !== undefined && { below }), ...(above !== undefined && { above }) };
      return { kind: 'query', config, rules: { ...bounds, forMs, staleMs: common.staleMs, maxNoDataMs } };
    }
    const { limit, compare, required } = config;
    const pollMs = Math.max(common.pollMs, config.metrics.poll);
    const staleMs = Math.max(common.staleMs, staleAfter(pollMs));
    const own = { ...(limit !== undefined && { limit }), compare, required, tests, pollMs, staleMs };
    const { confidence, burstToleranceMs, maxBlueUnhealthyMs } = common;
    return {
      kind: 'counted',
      config,
      rules: { confidence, burstToleranceMs, minRequests, maxNoDataMs, maxBlueUnhealthyMs, ...own },
    };
  });
}

/** How many tests of further metrics can roll a release back. */
function testsShared(analysis: Analysis): number {
  const critical = analysis.flatMap((entry) => (entry.kind === 'counted' && entry.critical ? [entry] : []));
  return critical.reduce((sum, { limit }) => sum + testsOf({ ...(limit !== undefined && { limit }) }), 0);
}

function toUndecided({
  onUndecided,
  undecidedTimeout,
}: Runbook['judge']): NonNullable<DeploymentPlan['watch']['undecided']> {
  return { action: onUndecided ?? 'wait', timeoutMs: undecidedTimeout ?? UNDECIDED_TIMEOUT_MS };
}

/** The runbook's limits as the judge and the metric source take them. */
export function toLimits({ errorRate, latency }: Runbook['limits']): Limits {
  return { errorRate, ...(latency && { latency: { quantile: latency.quantile, underMs: latency.under } }) };
}

function toPlannedCheck(config: RunbookCheck): PlannedCheck {
  const { id, title, group, critical, timeout } = config;
  const common = { id, title, group, critical, timeoutMs: timeout + ANSWER_MS };
  if (config.checkedBy === 'person') return { ...common, checkedBy: 'person', statement: config.statement ?? title };
  return {
    ...common,
    checkedBy: 'worker',
    ...(config.remedy
      ? { remedy: { automatic: config.remedy.automatic, timeoutMs: config.remedy.timeout + ANSWER_MS } }
      : {}),
    ...(config.again ? { again: true } : {}),
  };
}

function toStep({ percentage, soak, approval }: Runbook['traffic'][number]): TrafficStep {
  return { percentage, soakMs: soak, ...(approval && { approval: toApproval(approval) }) };
}

function toApproval(approval: NonNullable<Runbook['traffic'][number]['approval']>): Approval {
  const { required, timeout, onTimeout, approvers, notRequester, rejections, identity } = approval;
  const { remindEvery = onTimeout === 'wait' ? timeout : undefined } = approval;
  return {
    required,
    timeoutMs: timeout,
    onTimeout,
    ...(remindEvery !== undefined && { remindEveryMs: remindEvery }),
    ...(approvers && { approvers }),
    ...(notRequester && { notRequester }),
    ...(rejections > 1 && { rejections }),
    ...(identity === 'principal' && { identity }),
  };
}

function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest);
}
