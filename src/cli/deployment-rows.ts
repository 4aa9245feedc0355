import { type Client, defaultPayloadConverter, type WorkflowExecutionInfo } from '@temporalio/client';
import { arrayFromPayloads } from '@temporalio/common';
import { addressInId, type DeploymentRequest, isClosed, PHASES } from '../domain/index.ts';
import { ROLLBACK_TYPE, WORKFLOW_TYPE } from '../temporal/index.ts';
import { inTime } from './temporal.ts';
import { grpcCode } from './to-cli-error.ts';
import { attribute, buildOf } from './view/attribute.ts';

/** A completed checklist alone has deployed nothing: it must not look like a release. */
export const CHECKLIST_PASSED = 'checklist-passed';
/** Nor must a rollback of its own, whose version serves, look like a release that was rolled back. */
export const ROLLBACK_DONE = 'rollback-done';

/** A deployment as Temporal lists it. Times are epoch milliseconds. */
export interface Row {
  readonly workflowId: string;
  readonly runId: string;
  readonly taskQueue: string;
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  /** Temporal's word: `RUNNING`, `FAILED`, ... */
  readonly state: string;
  /** A phase, `checklist-passed`, `rollback-done`, or the state of one that was ended by force. */
  readonly phase: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  readonly startedAt: number;
  readonly closedAt?: number;
  /** Of one that runs on a build, where it was asked: that build, such as `bluegreen:3f2c1ab`. */
  readonly build?: string;
  /** Of one that runs, where it was asked: whether a worker takes its work from the task queue. */
  readonly hasWorker?: boolean;
}

interface Query {
  /** Of Temporal's list filter. */
  readonly conditions: readonly string[];
  readonly limit: number;
  /**
   * Compared here, not by Temporal: the namespace may have no such search attributes, or not have had them at the time, and what
   * was refused at once has none.
   */
  readonly wanted?: Partial<Record<'service' | 'environment' | 'phase', string | undefined>>;
}

const PAGE = 200;

/** Deployments that meet all of these conditions and are wanted, the newest first. */
export async function rowsWhere(client: Client, { conditions, limit, wanted = {} }: Query): Promise<Row[]> {
  const query = [`WorkflowType IN ('${WORKFLOW_TYPE}', '${ROLLBACK_TYPE}')`, ...conditions].join(' AND ');
  const pageSize = wanted.service || wanted.environment || wanted.phase ? PAGE : Math.min(limit, PAGE);
  const executions = client.workflow.list({ query, pageSize })[Symbol.asyncIterator]();
  const { phase, ...address } = wanted;
  // A checklist that passed has the search attributes of a release: the request tells them apart.
  const phaseInList = phase === CHECKLIST_PASSED ? 'completed' : phase;
  const rows: Row[] = [];
  while (rows.length < limit) {
    const some = await inTime(client, () =>
      take(executions, limit - rows.length, (execution) =>
        matches(rowOf(execution, undefined), { ...address, phase: phaseInList }),
      ),
    );
    if (some.length === 0) break;
    const found = await Promise.all(
      some.map(async (execution) => rowOf(execution, await requestOf(client, execution))),
    );
    rows.push(...found.filter((row) => matches(row, wanted)));
  }
  return rows;
}

function matches(row: Row, wanted: NonNullable<Query['wanted']>): boolean {
  const { service = row.service, environment = row.environment, phase = row.phase } = wanted;
  return row.service === service && row.environment === environment && row.phase === phase;
}

async function take<Value>(
  values: AsyncIterator<Value>,
  number: number,
  isWanted: (value: Value) => boolean,
): Promise<Value[]> {
  const taken: Value[] = [];
  while (taken.length < number) {
    const next = await values.next();
    if (next.done) break;
    if (isWanted(next.value)) taken.push(next.value);
  }
  return taken;
}

function rowOf(execution: WorkflowExecutionInfo, request: Request | undefined): Row {
  const { workflowId, runId, taskQueue, type, status, startTime, closeTime } = execution;
  const address = addressInId(workflowId);
  const build = buildOf(execution);
  return {
    workflowId,
    runId,
    taskQueue,
    service: attribute(execution, 'BlueGreenService') ?? address?.service ?? workflowId,
    environment: attribute(execution, 'BlueGreenEnvironment') ?? address?.environment ?? '?',
    version: request?.version ?? attribute(execution, 'BlueGreenVersion') ?? '?',
    state: status.name,
    phase: phaseOf({ type, state: status.name }, attribute(execution, 'BlueGreenPhase'), request),
    ...(request?.requestedBy === undefined ? {} : { requestedBy: request.requestedBy }),
    ...(request?.reason === undefined ? {} : { reason: request.reason }),
    startedAt: startTime.getTime(),
    ...(build !== undefined && status.name === 'RUNNING' && { build }),
    ...(closeTime ? { closedAt: closeTime.getTime() } : {}),
  };
}

/** What Temporal says counts when a workflow ended without its own last word. */
function phaseOf(
  { type, state }: { readonly type: string; readonly state: string },
  known: string | undefined,
  request: Request | undefined,
): string {
  const phase = PHASES.find((one) => one === known);
  if (state === 'RUNNING') return phase ?? 'resolving';
  const end = phase && isClosed(phase) ? phase : state === 'FAILED' ? 'refused' : state.toLowerCase();
  if (type === ROLLBACK_TYPE && end === 'rolled-back') return ROLLBACK_DONE;
  return end === 'completed' && request?.checklistOnly ? CHECKLIST_PASSED : end;
}

/** A rollback of its own names no version. */
type Request = Partial<Pick<DeploymentRequest, 'version' | 'requestedBy' | 'reason' | 'checklistOnly'>>;

/**
 * What was asked for, from the first event: a deployment that was refused at once has no search attributes, and a cancelled or
 * terminated one no report. Nothing where Temporal has just forgotten what its list still names, or where it was not a request.
 */
async function requestOf(
  client: Client,
  { workflowId, runId }: Pick<Row, 'workflowId' | 'runId'>,
): Promise<Request | undefined> {
  const { namespace } = client.options;
  try {
    const { history } = await inTime(client, () =>
      client.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution: { workflowId, runId },
        maximumPageSize: 1,
      }),
    );
    const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
    const [request] = arrayFromPayloads(defaultPayloadConverter, payloads);
    return isRequest(request) ? request : undefined;
  } catch (error) {
    if (grpcCode(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

const NOT_FOUND = 5;

function isRequest(value: unknown): value is Request {
  if (typeof value !== 'object' || value === null) return false;
  return 'version' in value ? typeof value.version === 'string' : 'reason' in value && typeof value.reason === 'string';
}
