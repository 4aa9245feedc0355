import { arrayFromPayloads, defaultPayloadConverter } from '@temporalio/common';
import type { Activities, DeploymentPlan } from '../domain/index.ts';
import { call, callIfFound, type Namespace } from './call.ts';
import { closedAs, type HistoryEvent, millis } from './history-event.ts';

/** What the history of a run that has ended says of what it changed. Times are epoch milliseconds. */
export interface PastRun {
  readonly run: string;
  /** `terminated`: also by a time limit of the server. */
  readonly closed: 'completed' | 'failed' | 'cancelled' | 'terminated';
  readonly closedAt: number;
  /** What it went by; missing where it did not come so far. */
  readonly plan?: DeploymentPlan;
  readonly deployBegunAt?: number;
  readonly shiftBegunAt?: number;
  readonly rollbackBegunAt?: number;
  /** The last share of green that was asked for, 0 to 100. */
  readonly percentage: number;
  /** Forward-only migrations that its checks found. */
  readonly forwardOnly: readonly string[];
}

/** Nobody makes more refused attempts and checklists in a row. */
const MOST_RUNS = 100;

/**
 * The runs under this id that have ended, the newest first; each history is read when it is asked for, and one that Temporal
 * no longer has is left out. `newest` is where to begin, if the caller knows it: Temporal's list may be some seconds behind.
 */
export async function* pastRuns(
  at: Namespace,
  { workflowId, newest }: { readonly workflowId: string; readonly newest?: string | undefined },
): AsyncGenerator<PastRun> {
  if (newest !== undefined) {
    const past = await pastRun(at, { workflowId, runId: newest });
    if (past) yield past;
  }
  // Asked for only when it is needed: a rollback need not wait for a list that cannot be had.
  const listed = await runsInList(at, workflowId);
  for (const runId of newest === undefined ? listed : listed.slice(listed.indexOf(newest) + 1)) {
    const past = await pastRun(at, { workflowId, runId });
    if (past) yield past;
  }
}

/** The newest first. */
async function runsInList(at: Namespace, workflowId: string): Promise<string[]> {
  const { connection, namespace } = at;
  const query = `WorkflowId = '${workflowId}' AND ExecutionStatus != 'Running'`;
  const { executions } = await call(at, () =>
    connection.workflowService.listWorkflowExecutions({ namespace, query, pageSize: MOST_RUNS }),
  );
  return (executions ?? [])
    .map(({ execution, startTime }) => ({ runId: execution?.runId ?? '', startedAt: millis(startTime) }))
    .sort((one, other) => other.startedAt - one.startedAt)
    .map(({ runId }) => runId);
}

/** A step of the history, with what it was asked and what it answered. */
interface Step {
  readonly activity: keyof Activities;
  readonly at: number;
  readonly input: unknown;
  result?: unknown;
}

/** The steps that say what was changed. The others, above all the watch, may be large. */
const OF_INTEREST: readonly string[] = [
  'resolvePlan',
  'resolveRollback',
  'runCheck',
  'deployGreen',
  'shiftTraffic',
  'restoreTraffic',
] satisfies (keyof Activities)[];

/** Nothing where it still runs, or Temporal has no history of it any more. */
async function pastRun(
  at: Namespace,
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<PastRun | undefined> {
  const steps = new Map<string, Step>();
  let nextPageToken: Uint8Array | undefined;
  let last: HistoryEvent | undefined;
  do {
    const page = await callIfFound(at, () =>
      at.connection.workflowService.getWorkflowExecutionHistory({
        namespace: at.namespace,
        execution,
        ...(nextPageToken && { nextPageToken }),
      }),
    );
    for (const event of page?.history?.events ?? []) {
      addStep(steps, event);
      last = event;
    }
    nextPageToken = page?.nextPageToken?.length ? page.nextPageToken : undefined;
  } while (nextPageToken);
  const closed = last && closedAs(last);
  if (!last || !closed) return undefined;
  return { run: execution.runId, closed, closedAt: millis(last.eventTime), ...changesOf([...steps.values()]) };
}

function addStep(steps: Map<string, Step>, event: HistoryEvent): void {
  const { activityType, input } = event.activityTaskScheduledEventAttributes ?? {};
  const activity = activityType?.name ?? '';
  if (OF_INTEREST.includes(activity))
    steps.set(String(event.eventId), {
      activity: activity as keyof Activities,
      at: millis(event.eventTime),
      input: arrayFromPayloads(defaultPayloadConverter, input?.payloads)[0],
    });
  const { scheduledEventId, result } = event.activityTaskCompletedEventAttributes ?? {};
  const step = steps.get(String(scheduledEventId));
  if (step) step.result = arrayFromPayloads(defaultPayloadConverter, result?.payloads)[0];
}

function changesOf(steps: readonly Step[]): Omit<PastRun, 'run' | 'closed' | 'closedAt'> {
  const all = (activity: keyof Activities) => steps.filter((step) => step.activity === activity);
  const first = (activity: keyof Activities) => all(activity)[0];
  const resolved = first('resolvePlan')?.result as DeploymentPlan | undefined;
  const wentBack = first('resolveRollback')?.result as
    | ({ readonly plan: DeploymentPlan } & MayBeForwardOnly)
    | undefined;
  const plan = resolved ?? wentBack?.plan;
  const found = [wentBack, ...all('runCheck').map(({ result }) => result)] as (MayBeForwardOnly | undefined)[];
  const deployBegunAt = first('deployGreen')?.at;
  const shiftBegunAt = first('shiftTraffic')?.at;
  const rollbackBegunAt = first('restoreTraffic')?.at;
  const lastShift = all('shiftTraffic').at(-1)?.input as { readonly percentage: number } | undefined;
  return {
    percentage: lastShift?.percentage ?? 0,
    forwardOnly: [...new Set(found.flatMap((one) => one?.forwardOnly ?? []))],
    ...(plan && { plan }),
    ...(deployBegunAt !== undefined && { deployBegunAt }),
    ...(shiftBegunAt !== undefined && { shiftBegunAt }),
    ...(rollbackBegunAt !== undefined && { rollbackBegunAt }),
  };
}

interface MayBeForwardOnly {
  readonly forwardOnly?: readonly string[];
}
