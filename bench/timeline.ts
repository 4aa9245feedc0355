import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { EvidenceLine } from '../src/domain/index.ts';
import type { Measured } from './deployments.ts';

/** Where the time of a deployment went, in milliseconds. What ran side by side counts once in `own`. */
export interface Timeline {
  readonly total: number;
  readonly soaks: number;
  /** From the first check to the last before the deploy. */
  readonly checklist: number;
  /** The check that took longest by itself, with its remedy and what it was measured again. */
  readonly longestCheck: { readonly id: string; readonly ms: number };
  /** The same right before the first shift. */
  readonly provenAgain: number;
  /** The platform's commands. */
  readonly commands: number;
  /** All the rest: the orchestration's own time. */
  readonly own: number;
}

export interface HistorySize {
  readonly events: number;
  /** Of these, what the checks before the deploy and before the first shift took. */
  readonly checkEvents: number;
  /** As the server counts them. */
  readonly bytes: number;
  readonly jsonBytes: number;
  /** What Temporal Cloud counts as actions, without heartbeats: starts, attempts of activities, timers, messages, upserts. */
  readonly actions: number;
  /** At most: an activity beats every two seconds. */
  readonly heartbeats: number;
}

const ACTIONS = [
  'workflowExecutionStartedEventAttributes',
  'timerStartedEventAttributes',
  'workflowExecutionSignaledEventAttributes',
  'workflowExecutionUpdateAcceptedEventAttributes',
  'upsertWorkflowSearchAttributesEventAttributes',
] as const;
const BEAT_MS = 2_000;

type Stretch = readonly [from: number, to: number];

interface Done {
  readonly type: string;
  readonly checkId?: string;
  readonly scheduledAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly evidence: readonly EvidenceLine[];
}

/** @throws Error if the history lacks what is counted. */
export async function timelineOf({ report, handle }: Measured): Promise<Timeline> {
  const done = await activitiesOf(handle);
  const deployAt = done.find(({ type }) => type === 'deployGreen')?.scheduledAt;
  if (deployAt === undefined) throw new Error('no deploy was found in the history');
  const checks = done.filter(({ checkId }) => checkId !== undefined);
  const first = checks.filter(({ scheduledAt }) => scheduledAt < deployAt);
  const again = checks.filter(({ scheduledAt }) => scheduledAt > deployAt);
  const soaks = report.steps.map(({ shiftedAt, soakUntil }): Stretch => [shiftedAt, soakUntil]);
  const commands = commandsIn(done);
  const total = report.endedAt - report.startedAt;
  return {
    total,
    soaks: covered(soaks),
    checklist: covered([around(first)]),
    longestCheck: longestOf(first),
    provenAgain: covered([around(again)]),
    commands: covered(commands),
    own: total - covered([...soaks, around(first), around(again), ...commands]),
  };
}

export async function historySizeOf({ handle }: Measured): Promise<HistorySize> {
  const [history, description] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  const done = await activitiesOf(handle);
  const checks = done.filter(({ checkId }) => checkId !== undefined);
  const events = history.events ?? [];
  const attempts = events.map(
    ({ activityTaskStartedEventAttributes }) => activityTaskStartedEventAttributes?.attempt ?? 0,
  );
  return {
    events: events.length,
    actions:
      events.filter((event) => ACTIONS.some((name) => event[name])).length +
      attempts.reduce((sum, attempt) => sum + attempt, 0),
    heartbeats: done.reduce((sum, { startedAt, endedAt }) => sum + Math.floor((endedAt - startedAt) / BEAT_MS), 0),
    checkEvents: 3 * checks.length, // scheduled, started, completed
    bytes: description.historySize ?? 0,
    jsonBytes: Buffer.byteLength(JSON.stringify(JSON.parse(historyToJSON(history)))),
  };
}

function around(activities: readonly Done[]): Stretch {
  return [
    Math.min(...activities.map(({ scheduledAt }) => scheduledAt)),
    Math.max(...activities.map(({ endedAt }) => endedAt)),
  ];
}

function longestOf(checks: readonly Done[]): Timeline['longestCheck'] {
  const took = new Map<string, number>();
  for (const { checkId = '?', startedAt, endedAt } of checks)
    took.set(checkId, (took.get(checkId) ?? 0) + endedAt - startedAt);
  const [id = '?', ms = 0] = [...took].toSorted(([, a], [, b]) => b - a)[0] ?? [];
  return { id, ms };
}

/** Deploy and shift: an activity runs its command first, and says in its evidence how long that took. */
function commandsIn(done: readonly Done[]): Stretch[] {
  const stretches = done.flatMap(({ startedAt, evidence }): Stretch[] => {
    const command = evidence.find(({ what }) => what === 'deploy' || what === 'shift-traffic');
    const took = /in (\d+) ms/.exec(command?.measured ?? '')?.[1];
    return took === undefined ? [] : [[startedAt, startedAt + Number(took)]];
  });
  if (stretches.length === 0) throw new Error('no command was found in the history');
  return stretches;
}

/** Every activity that has completed, in the order in which they were scheduled. */
async function activitiesOf(handle: Measured['handle']): Promise<Done[]> {
  const { events = [] } = await handle.fetchHistory();
  const at = (id: unknown): number => {
    const time = events?.find(({ eventId }) => String(eventId) === String(id))?.eventTime;
    return Number(time?.seconds) * 1_000 + (time?.nanos ?? 0) / 1e6;
  };
  return (events ?? []).flatMap((event): Done[] => {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const completed = events?.find(
      ({ activityTaskCompletedEventAttributes: attributes }) =>
        attributes && String(attributes.scheduledEventId) === String(event.eventId),
    );
    const attributes = completed?.activityTaskCompletedEventAttributes;
    if (!scheduled || !completed || !attributes) return [];
    const { checkId } = jsonOf<{ checkId?: string }>(scheduled.input);
    return [
      {
        type: scheduled.activityType?.name ?? '?',
        ...(checkId === undefined ? {} : { checkId }),
        scheduledAt: at(event.eventId),
        startedAt: at(attributes.startedEventId),
        endedAt: at(completed.eventId),
        evidence: jsonOf<{ evidence?: EvidenceLine[] }>(attributes.result).evidence ?? [],
      },
    ];
  });
}

/** The first payload, as an object; an empty one when there is none. */
function jsonOf<Value extends object>(
  payloads: { payloads?: { data?: Uint8Array | null }[] | null } | null | undefined,
): Partial<Value> {
  const data = payloads?.payloads?.[0]?.data;
  if (!data || data.length === 0) return {};
  const value: unknown = JSON.parse(Buffer.from(data).toString());
  return typeof value === 'object' && value !== null ? value : {};
}

/** The length of all stretches together; where they overlap it counts once. */
function covered(stretches: readonly Stretch[]): number {
  let length = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const [from, to] of stretches.toSorted(([a], [b]) => a - b)) {
    length += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return length;
}
