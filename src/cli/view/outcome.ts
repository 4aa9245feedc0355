import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { buildReport, type DeploymentReport, type DeploymentStatus, FAILURE } from '../../domain/index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type DeploymentHandle, inTime } from '../temporal.ts';
import { sanitize, stripControlCharacters } from './output.ts';

/** How a deployment ended. */
export interface Outcome {
  readonly exitCode: ExitCode;
  readonly summary: string;
  /** Missing where nothing of ours could write one: the workflow was terminated, say, and no worker answers. */
  readonly report?: DeploymentReport;
}

/**
 * How a closed deployment ended, from what Temporal keeps: no worker is needed. Only a cancelled workflow and one that
 * was ended by force carry no report; theirs is made of `lastStatus`.
 */
export async function outcomeOf(
  client: Client,
  handle: DeploymentHandle,
  lastStatus: DeploymentStatus | undefined,
): Promise<Outcome> {
  try {
    const report = sanitize(await inTime(client, () => handle.result()));
    return { exitCode: EXIT.ok, summary: report.summary, report };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { closeTime } = lastStatus ? await inTime(client, () => handle.describe()) : {};
    return failed(error.cause, lastStatus, closeTime?.getTime());
  }
}

function failed(cause: unknown, lastStatus: DeploymentStatus | undefined, closedAt: number | undefined): Outcome {
  const last = lastStatus ? { report: { ...buildReport(lastStatus), endedAt: closedAt ?? lastStatus.phaseSince } } : {};
  if (cause instanceof ApplicationFailure) {
    const [report] = (cause.details ?? []) as (DeploymentReport | undefined)[];
    const summary = stripControlCharacters(cause.message);
    return { exitCode: exitCodeOf(cause.type), summary, ...(report ? { report: sanitize(report) } : last) };
  }
  if (cause instanceof CancelledFailure)
    return {
      exitCode: EXIT.cancelled,
      summary:
        lastStatus?.outcome ??
        'Cancelled; what was changed was rolled back first. For details, start a worker and run "status".',
      ...last,
    };
  const how = cause instanceof TerminatedFailure ? 'terminated' : 'ended by a timeout of Temporal';
  return {
    exitCode: EXIT.endedByForce,
    summary:
      `The workflow was ${how}: NOTHING WAS ROLLED BACK. ` +
      `Green had ${lastStatus ? `${lastStatus.greenPercentage} %` : 'an unknown share'} of the traffic. Go back with "bluegreen rollback", or check the traffic yourself now.`,
    ...last,
  };
}

function exitCodeOf(type: string | null | undefined): ExitCode {
  switch (type) {
    case FAILURE.DeploymentRolledBack:
      return EXIT.rolledBack;
    case FAILURE.InvalidRequest:
    case FAILURE.ChecklistFailed:
      return EXIT.refused;
    default:
      return EXIT.unexpected;
  }
}
