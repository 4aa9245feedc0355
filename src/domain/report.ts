import type { Limits } from '../judge/index.ts';
import type { UndoneRun } from './activity-results.ts';
import type { DeploymentStatus, Phase, RollbackStatus, StepStatus } from './status.ts';

/** Raised by a change that readers of an older report could misread: docs/report.md. */
export const REPORT_SCHEMA_VERSION = 1;

/**
 * What stays of a deployment: its outcome with the evidence. At most 64 KB as JSON, so that it fits a failure. What each
 * key means is in schema.ts; the workflow bundle contains this file.
 */
export interface DeploymentReport {
  readonly schemaVersion: typeof REPORT_SCHEMA_VERSION;
  readonly outcome: Phase;
  /** Of a rollback of its own: the ended run that it undoes. */
  readonly undoes?: UndoneRun;
  readonly summary: string;
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  readonly blue?: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly runbookDigest?: string;
  readonly limits?: Limits;
  readonly deployedAt?: number;
  readonly checks: DeploymentStatus['checks'];
  readonly steps: readonly StepStatus[];
  readonly decisions: DeploymentStatus['decisions'];
  readonly holds?: DeploymentStatus['holds'];
  readonly rollback?: RollbackStatus & { readonly targetMs: number; readonly withinTarget?: boolean };
  /** Of a rollback of its own: migrations of the undone deployment that stay. */
  readonly forwardOnly?: DeploymentStatus['forwardOnly'];
  readonly undelivered?: DeploymentStatus['undelivered'];
  /** What had to be left out to keep the size; the history has it. */
  readonly leftOut?: string;
}

/** A failure's details above 2 MB would fail the workflow task for ever; far below that the UI gets slow. */
const REPORT_LIMIT_BYTES = 64_000;

/** The report of a closed deployment, from its state alone. */
export function buildReport(status: DeploymentStatus): DeploymentReport {
  const { plan, rollback } = status;
  const full: DeploymentReport = {
    schemaVersion: REPORT_SCHEMA_VERSION,
    outcome: status.phase,
    ...(status.undoes === undefined ? {} : { undoes: status.undoes }),
    summary: status.outcome ?? '',
    service: status.service,
    environment: status.environment,
    version: status.version,
    ...(plan ? { blue: plan.target.blue, runbookDigest: plan.target.digest, limits: plan.judge.limits } : {}),
    ...(status.requestedBy === undefined ? {} : { requestedBy: status.requestedBy }),
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    startedAt: status.startedAt,
    endedAt: status.phaseSince,
    ...(status.deployedAt === undefined ? {} : { deployedAt: status.deployedAt }),
    checks: status.checks,
    steps: status.steps,
    decisions: status.decisions,
    ...(status.holds === undefined ? {} : { holds: status.holds }),
    ...(status.forwardOnly === undefined ? {} : { forwardOnly: status.forwardOnly }),
    ...(status.undelivered === undefined ? {} : { undelivered: status.undelivered }),
    ...(rollback && plan ? { rollback: withTarget(rollback, plan.recovery.targetMs) } : {}),
  };
  return fitting(full);
}

function withTarget(rollback: RollbackStatus, targetMs: number): NonNullable<DeploymentReport['rollback']> {
  const { problemBefore, problem = problemBefore, ...rest } = rollback;
  const { recoveryMs } = rest;
  return {
    ...rest,
    ...(problem === undefined ? {} : { problem }),
    targetMs,
    ...(recoveryMs === undefined ? {} : { withinTarget: recoveryMs <= targetMs }),
  };
}

/** Leaves out the bulkiest evidence first; what happened and who decided stays. */
function fitting(report: DeploymentReport): DeploymentReport {
  const fits = (candidate: DeploymentReport): boolean => bytes(candidate) <= REPORT_LIMIT_BYTES;
  if (fits(report)) return report;
  const fewerWindows = {
    ...report,
    steps: report.steps.map((step) => ({ ...step, windows: step.windows.slice(-3) })),
    leftOut: 'all but the last three windows of each step',
  };
  if (fits(fewerWindows)) return fewerWindows;
  const noEvidence = {
    ...fewerWindows,
    checks: report.checks.map((check) =>
      check.result
        ? {
            ...check,
            result: {
              ...check.result,
              evidence: [],
              summary: check.result.summary.slice(0, 200),
              ...(check.result.unblock === undefined ? {} : { unblock: check.result.unblock.slice(0, 200) }),
            },
          }
        : check,
    ),
    leftOut: 'the evidence of the checks, and all but the last three windows of each step',
  };
  if (fits(noEvidence)) return noEvidence;
  return { ...noEvidence, decisions: [], leftOut: `${noEvidence.leftOut}, and the decisions` };
}

/** Bytes as UTF-8 at most: without TextEncoder in the workflow sandbox, every non-ASCII unit counts three. */
function bytes(value: unknown): number {
  let total = 0;
  for (const unit of JSON.stringify(value)) total += unit.charCodeAt(0) < 128 ? 1 : 3 * unit.length;
  return total;
}
