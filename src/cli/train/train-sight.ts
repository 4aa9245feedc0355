import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { type DeploymentStatus, deploymentsOf, type TrainStatus } from '../../domain/index.ts';
import { hasEnded } from '../../temporal/index.ts';
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
  /** The task queues from which no worker has taken the train's work for a while; missing where there is none. */
  readonly withoutWorker?: readonly string[];
  readonly end?: TrainEnd;
}

export async function seeTrain(
  client: Client,
  handle: TrainHandle,
  { status: { name: state }, raw }: Pick<WorkflowExecutionDescription, 'status' | 'raw'>,
): Promise<TrainSight> {
  const end = !hasEnded(state) ? undefined : await trainEnd(client, handle);
  const status = end ? end.status : await askTrain(client, handle);
  const running = status ? await askDeployments(client, status) : new Map<string, DeploymentStatus>();
  const withoutWorker = queuesWithoutWorker(raw.pendingActivities ?? []);
  return {
    state,
    running,
    ...(withoutWorker.length === 0 ? {} : { withoutWorker }),
    ...(status ? { status } : {}),
    ...(end ? { end } : {}),
  };
}

/** A worker that waits for work takes it at once. */
const TAKEN_WITHIN_MS = 5_000;

type PendingActivities = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>;

function queuesWithoutWorker(pending: PendingActivities): string[] {
  const since = Date.now() - TAKEN_WITHIN_MS;
  const names = pending
    .filter(({ lastStartedTime, scheduledTime }) => !lastStartedTime && Number(scheduledTime?.seconds) * 1_000 < since)
    .map(({ activityOptions }) => activityOptions?.taskQueue?.name ?? '');
  return sanitize([...new Set(names)].filter((name) => name !== ''));
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
