import type { Client } from '@temporalio/client';
import { trainNameIn } from '../../domain/index.ts';
import { TRAIN_TYPE } from '../../temporal/index.ts';
import { COMMAND } from '../address.ts';
import { inTime } from '../temporal.ts';
import { clock, formatDurationRoughly } from '../view/format.ts';
import { aligned } from '../view/layout.ts';
import { sanitize } from '../view/output.ts';

/** A train as Temporal lists it. Times are epoch milliseconds. */
interface TrainRow {
  readonly name: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Temporal's word: `RUNNING`, `FAILED`, ... */
  readonly state: string;
  /** As of the last change; `terminated` for one that was ended by force. */
  readonly phase: string;
  readonly stage?: string;
  readonly startedAt: number;
  readonly closedAt?: number;
}

/** The newest first. */
export async function listTrains(
  client: Client,
  { limit, open }: { readonly limit: number; readonly open?: true },
): Promise<TrainRow[]> {
  const query = [`WorkflowType = '${TRAIN_TYPE}'`, ...(open ? ["ExecutionStatus = 'Running'"] : [])].join(' AND ');
  return inTime(client, async () => {
    const rows: TrainRow[] = [];
    for await (const { workflowId, runId, status, startTime, closeTime, memo } of client.workflow.list({
      query,
      pageSize: limit,
    })) {
      const { BlueGreenPhase: phase, BlueGreenStage: stage } = memo ?? {};
      rows.push({
        name: trainNameIn(workflowId),
        workflowId,
        runId,
        state: status.name,
        phase: status.name === 'TERMINATED' ? 'terminated' : typeof phase === 'string' ? phase : 'planning',
        ...(typeof stage === 'string' && stage !== '' ? { stage } : {}),
        startedAt: startTime.getTime(),
        ...(closeTime ? { closedAt: closeTime.getTime() } : {}),
      });
      if (rows.length >= limit) break;
    }
    return sanitize(rows);
  });
}

export function renderTrains(rows: readonly TrainRow[]): string[] {
  if (rows.length === 0) return [`No trains. Start one: ${COMMAND} start --train FILE`];
  const cells = rows.map(({ name, phase, stage = '', startedAt, closedAt }) => [
    name,
    phase,
    stage,
    clock(startedAt),
    formatDurationRoughly((closedAt ?? Date.now()) - startedAt),
  ]);
  return aligned([['TRAIN', 'PHASE', 'STAGE', 'STARTED', 'TOOK'], ...cells]);
}
