import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { type DeploymentStatus, deploymentsOf, type TrainStatus } from '../../domain/index.ts';
import type { blueGreenDeployment } from '../../workflows/index.ts';
import * as messages from '../../workflows/messages.ts';
import { inTime } from '../temporal.ts';
import { sanitize } from '../view/output.ts';
import type { TrainHandle } from './find-train.ts';
import { askTrain, type TrainEnd, trainEnd } from './train-end.ts';

/** A train as seen at one moment. */
export interface TrainSight {
  /** Temporal's word: `RUNNING`, `FAILED`, ... */
  readonly state: string;
  /** Missing where no worker answers. */
  readonly status?: TrainStatus;
  /** What the deployments that run answer, by workflow id. */
  readonly running: ReadonlyMap<string, DeploymentStatus>;
  readonly end?: TrainEnd;
}

export async function seeTrain(
  client: Client,
  handle: TrainHandle,
  { status: { name: state } }: Pick<WorkflowExecutionDescription, 'status'>,
): Promise<TrainSight> {
  const end = state === 'RUNNING' ? undefined : await trainEnd(client, handle);
  const status = end ? end.status : await askTrain(client, handle);
  const running = status ? await askDeployments(client, status) : new Map<string, DeploymentStatus>();
  return { state, running, ...(status ? { status } : {}), ...(end ? { end } : {}) };
}

/** Those of a train that was terminated still run. */
async function askDeployments(client: Client, status: TrainStatus): Promise<Map<string, DeploymentStatus>> {
  const open = deploymentsOf(status).filter(({ state }) => state === 'running' || state === 'rolling-back');
  const answers = await Promise.all(
    open.map(async ({ workflowId }) => {
      const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId);
      const answer = await inTime(client, () => handle.query(messages.status)).then(sanitize, () => undefined);
      return answer ? ([[workflowId, answer]] as const) : [];
    }),
  );
  return new Map(answers.flat());
}
