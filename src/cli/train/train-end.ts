import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { TrainPhase, TrainStatus } from '../../domain/index.ts';
import * as messages from '../../workflows/messages.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { inTime } from '../temporal.ts';
import { sanitize } from '../view/output.ts';
import type { TrainHandle } from './find-train.ts';

/** How a train ended. */
export interface TrainEnd {
  readonly exitCode: ExitCode;
  readonly summary: string;
  /** Missing for one that was cancelled or terminated while no worker answers. */
  readonly status?: TrainStatus;
}

/** How a closed train ended, from what Temporal keeps; only a cancelled or a terminated one needs a worker to say more. */
export async function trainEnd(client: Client, handle: TrainHandle): Promise<TrainEnd> {
  try {
    const status = sanitize(await inTime(client, () => handle.result()));
    return { exitCode: EXIT.ok, summary: status.outcome ?? '', status };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure) {
      const [status] = sanitize((cause.details ?? []) as (TrainStatus | undefined)[]);
      return { exitCode: exitCodeOf(status?.phase), summary: sanitize(cause.message), ...(status ? { status } : {}) };
    }
    const status = await askTrain(client, handle);
    if (cause instanceof CancelledFailure)
      return {
        exitCode: EXIT.cancelled,
        summary: status?.outcome ?? 'The train was cancelled. For details, start a worker and repeat this.',
        ...(status ? { status } : {}),
      };
    return {
      exitCode: EXIT.endedByForce,
      summary: 'The train was terminated: its deployments continue, no further one starts, and nothing is rolled back.',
      ...(status ? { status } : {}),
    };
  }
}

/** What the train answers now; nothing where no worker does. */
export async function askTrain(client: Client, handle: TrainHandle): Promise<TrainStatus | undefined> {
  return inTime(client, () => handle.query(messages.trainStatus)).then(sanitize, () => undefined);
}

function exitCodeOf(phase: TrainPhase | undefined): ExitCode {
  switch (phase) {
    case 'rolled-back':
      return EXIT.rolledBack;
    case 'stopped':
      return EXIT.stopped;
    case 'refused':
      return EXIT.refused;
    default:
      return EXIT.unexpected;
  }
}
