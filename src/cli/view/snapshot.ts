import {
  type Client,
  defaultPayloadConverter,
  isGrpcDeadlineError,
  type WorkflowExecutionDescription,
  type WorkflowExecutionStatusName,
} from '@temporalio/client';
import { arrayFromPayloads } from '@temporalio/common';
import { type DeploymentStatus, type Progress, progressOf, type WatchHeartbeat } from '../../domain/index.ts';
import { hasEnded } from '../../temporal/index.ts';
import * as messages from '../../workflows/messages.ts';
import { type DeploymentHandle, inTime } from '../temporal.ts';
import { firstLine } from '../to-cli-error.ts';
import { attribute, buildOf } from './attribute.ts';
import { type LastKnownTraffic, trafficIn } from './last-known.ts';
import { sanitize } from './output.ts';
import { NO_HISTORY, type PhaseHistory, remember } from './phase-history.ts';

/** What Temporal itself knows of a deployment, with or without a worker. */
export interface ServerView {
  readonly workflowId: string;
  readonly runId: string;
  readonly state: WorkflowExecutionStatusName;
  readonly startedAt: number;
  readonly closedAt?: number;
  /** From the search attributes: as of the last change of phase. */
  readonly phase?: string;
  readonly version?: string;
  /** The build whose workers it needs, such as `bluegreen:3f2c1ab`; missing without versions. */
  readonly build?: string;
  /** Somebody paused the whole of it in Temporal. */
  readonly paused?: Pause;
  readonly pending: readonly PendingActivity[];
}

/** What is under way: an activity, how often it was tried, why it failed the last time, and what it says of itself. */
interface PendingActivity {
  readonly activity: string;
  readonly attempt: number;
  readonly problem?: string;
  readonly progress?: Progress;
  /** Somebody paused it in Temporal: no worker does it. */
  readonly paused?: Pause & { readonly id: string };
}

interface Pause {
  /** Epoch milliseconds. */
  readonly since?: number;
  /** The identity of the client, as it names itself. */
  readonly by?: string;
  readonly reason?: string;
}

/** A deployment as seen at one moment. */
export interface DeploymentSnapshot {
  readonly at: number;
  readonly server: ServerView;
  /** What the workflow answered, now or at last. */
  readonly status?: DeploymentStatus;
  /** Why it does not answer now. */
  readonly unreachableReason?: string;
  /** While it does not answer: the traffic by the history. */
  readonly lastKnown?: LastKnownTraffic;
  /** The running window of the watch. */
  readonly live?: WatchHeartbeat;
  /** What earlier snapshots showed, if there were any. */
  readonly past?: PhaseHistory;
}

/** Looks once: at what Temporal knows, and at what the workflow answers, if it does. */
export async function fetchSnapshot(client: Client, handle: DeploymentHandle): Promise<DeploymentSnapshot> {
  const [seen, answer] = await Promise.all([describe(client, handle), ask(client, handle)]);
  return { ...seen, ...answer, past: remember(NO_HISTORY, { ...seen, ...answer }) };
}

const EVERY_MS = 1_000;
const LIVE_KEPT_MS = 5_000;

/**
 * Looks again and again until the deployment is closed; the last sight says so. A workflow that does not answer for want
 * of a worker, and a server that is away for a while, hold nothing up: the last that was seen is shown, with the reason.
 */
export async function* pollSnapshots(
  client: Client,
  handle: DeploymentHandle,
  signal?: AbortSignal,
): AsyncGenerator<DeploymentSnapshot> {
  let seen = await describe(client, handle);
  let answer: Answer = {};
  let past = NO_HISTORY;
  let asking: Promise<void> | undefined;
  const askAgain = async (): Promise<void> => {
    answer = { ...(answer.status ? { status: answer.status } : {}), ...(await ask(client, handle)) };
    asking = undefined;
  };

  let liveAt = seen.at;
  for (;;) {
    if (signal?.aborted) return;
    const closed = hasEnded(seen.server.state);
    if (closed) await asking; // it may have been asked before the end
    asking ??= askAgain();
    await (closed ? asking : Promise.race([asking, pause(EVERY_MS / 2)]));
    past = remember(past, { ...seen, ...answer });
    yield { ...seen, ...answer, past, at: Date.now() };
    if (closed) return;

    await pause(EVERY_MS, signal);
    try {
      const { live } = seen;
      seen = await describe(client, handle);
      if (seen.live) liveAt = seen.at;
      // Between two windows there is none for a moment.
      else if (live && seen.at - liveAt < LIVE_KEPT_MS) seen = { ...seen, live };
    } catch (error) {
      answer = {
        ...answer,
        unreachableReason: isGrpcDeadlineError(error)
          ? 'Temporal does not answer'
          : `Temporal does not answer: ${firstLine(error)}`,
      };
    }
  }
}

type Answer = Pick<DeploymentSnapshot, 'status' | 'unreachableReason' | 'lastKnown'>;

/** The workflow's own answer, or why there is none. */
async function ask(client: Client, handle: DeploymentHandle): Promise<Answer> {
  try {
    return { status: sanitize(await inTime(client, () => handle.query(messages.status))) };
  } catch (error) {
    const why = firstLine(error);
    const { build, ...known } = await withoutAnswer(client, handle);
    return {
      unreachableReason: /no poller|deadline|call cancelled|before a worker/i.test(why)
        ? `no worker${build === undefined ? '' : ` of the build ${build}`} answers`
        : `the workflow does not answer: ${why}`,
      ...known,
    };
  }
}

/** Needs no worker; says nothing where Temporal does not answer either. */
async function withoutAnswer(
  client: Client,
  handle: DeploymentHandle,
): Promise<Pick<Answer, 'lastKnown'> & Pick<ServerView, 'build'>> {
  try {
    const [history, description] = await inTime(client, () => Promise.all([handle.fetchHistory(), handle.describe()]));
    const build = buildOf(description);
    const on = build === undefined ? {} : { build };
    const traffic = trafficIn(history);
    if (!traffic) return on;
    const watch = description.raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'watchWindow');
    const heardAt = Number(watch?.lastHeartbeatTime?.seconds ?? 0) * 1_000;
    const { watchedUntil } = traffic;
    return {
      ...on,
      lastKnown: watchedUntil === undefined ? traffic : { ...traffic, watchedUntil: Math.max(watchedUntil, heardAt) },
    };
  } catch {
    return {};
  }
}

async function describe(
  client: Client,
  handle: DeploymentHandle,
): Promise<Pick<DeploymentSnapshot, 'at' | 'server' | 'live'>> {
  const description = await inTime(client, () => handle.describe());
  const live = liveWindow(description);
  return { at: Date.now(), server: sanitize(serverView(description)), ...(live ? { live: sanitize(live) } : {}) };
}

export function serverView(description: WorkflowExecutionDescription): ServerView {
  const { workflowId, runId, status, startTime, closeTime } = description;
  const pauseInfo = description.raw.workflowExtendedInfo?.pauseInfo;
  const phase = attribute(description, 'BlueGreenPhase');
  const version = attribute(description, 'BlueGreenVersion');
  const build = buildOf(description);
  return {
    workflowId,
    runId,
    state: status.name,
    startedAt: startTime.getTime(),
    ...(closeTime ? { closedAt: closeTime.getTime() } : {}),
    ...(phase === undefined ? {} : { phase }),
    ...(version === undefined ? {} : { version }),
    ...(build === undefined ? {} : { build }),
    ...(status.name === 'PAUSED' ? { paused: pauseOf(pauseInfo?.pausedTime, pauseInfo) } : {}),
    pending: (description.raw.pendingActivities ?? []).map(pendingActivity),
  };
}

type RawActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

function pendingActivity(raw: RawActivity): PendingActivity {
  const { activityType, attempt, lastFailure } = raw;
  const progress = progressOf(newestHeartbeat(raw));
  return {
    activity: activityType?.name ?? '?',
    attempt: attempt ?? 1,
    ...(lastFailure?.message ? { problem: lastFailure.message } : {}),
    ...(Object.keys(progress).length > 0 ? { progress } : {}),
    ...(raw.paused ? { paused: pausedActivity(raw) } : {}),
  };
}

function pausedActivity({ activityId, pauseInfo }: RawActivity): NonNullable<PendingActivity['paused']> {
  const { pauseTime, manual } = pauseInfo ?? {};
  return { id: activityId ?? '?', ...pauseOf(pauseTime, manual) };
}

function pauseOf(
  time: { readonly seconds?: unknown } | null | undefined,
  who: { readonly identity?: string | null; readonly reason?: string | null } | null | undefined,
): Pause {
  return {
    ...(time ? { since: Number(time.seconds ?? 0) * 1_000 } : {}),
    ...(who?.identity ? { by: who.identity } : {}),
    ...(who?.reason ? { reason: who.reason } : {}),
  };
}

function newestHeartbeat({ heartbeatDetails }: RawActivity): unknown {
  return arrayFromPayloads(defaultPayloadConverter, heartbeatDetails?.payloads)[0];
}

/** What the running window of the watch says of itself in its newest heartbeat. */
function liveWindow({ raw }: WorkflowExecutionDescription): WatchHeartbeat | undefined {
  const watch = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'watchWindow');
  return watch && (newestHeartbeat(watch) as WatchHeartbeat | undefined);
}

/** Waits; an abort ends the wait at once. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
