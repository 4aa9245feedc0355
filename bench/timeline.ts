import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { EvidenceLine } from '../src/runbook/plan.ts';
import type { Measured } from './deployments.ts';

/** Where the time of a deployment went, in milliseconds. What ran side by side counts once in `own`. */
export interface Timeline {
  readonly total: number;
  readonly soaks: number;
  /** The checks, and the wait for people to confirm theirs. */
  readonly checklist: number;
  /** The platform's commands. */
  readonly commands: number;
  /** All the rest: the orchestration's own time. */
  readonly own: number;
}

export interface HistorySize {
  readonly events: number;
  /** As the server counts them. */
  readonly bytes: number;
  readonly jsonBytes: number;
}

type Stretch = readonly [from: number, to: number];

/** @throws Error if the history lacks what is counted. */
export async function timelineOf({ report, handle }: Measured): Promise<Timeline> {
  const soaks = report.steps.map(({ shiftedAt, soakUntil }): Stretch => [shiftedAt, soakUntil]);
  const checklist = report.checks.flatMap(({ result, decidedBy }): Stretch[] => [
    ...(result ? [[result.checkedAt, result.checkedAt + result.durationMs] as const] : []),
    ...(decidedBy ? [[decidedBy.at, decidedBy.at] as const] : []),
  ]);
  const whole: Stretch[] = [[Math.min(...checklist.flat()), Math.max(...checklist.flat())]];
  const commands = await commandsOf(handle);
  const total = report.endedAt - report.startedAt;
  return {
    total,
    soaks: covered(soaks),
    checklist: covered(whole),
    commands: covered(commands),
    own: total - covered([...soaks, ...whole, ...commands]),
  };
}

export async function historySizeOf({ handle }: Measured): Promise<HistorySize> {
  const [history, description] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  return {
    events: history.events?.length ?? 0,
    bytes: description.historySize ?? 0,
    jsonBytes: Buffer.byteLength(JSON.stringify(JSON.parse(historyToJSON(history)))),
  };
}

/** Deploy and shift: an activity runs its command first, and says in its evidence how long that took. */
async function commandsOf(handle: Measured['handle']): Promise<Stretch[]> {
  const { events } = await handle.fetchHistory();
  const startedAt = new Map<string, number>();
  const stretches: Stretch[] = [];
  for (const { eventId, eventTime, activityTaskStartedEventAttributes, ...event } of events ?? []) {
    if (activityTaskStartedEventAttributes)
      startedAt.set(String(eventId), Number(eventTime?.seconds) * 1_000 + (eventTime?.nanos ?? 0) / 1e6);
    const completed = event.activityTaskCompletedEventAttributes;
    const from = startedAt.get(String(completed?.startedEventId));
    const [payload] = completed?.result?.payloads ?? [];
    if (from === undefined || !payload?.data) continue;
    const { evidence } = (JSON.parse(Buffer.from(payload.data).toString()) ?? {}) as {
      evidence?: readonly EvidenceLine[];
    };
    const command = evidence?.find(({ what }) => what === 'deploy' || what === 'shift-traffic');
    const took = /in (\d+) ms/.exec(command?.measured ?? '')?.[1];
    if (took !== undefined) stretches.push([from, from + Number(took)]);
  }
  if (stretches.length === 0) throw new Error('no command was found in the history');
  return stretches;
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
