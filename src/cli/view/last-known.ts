import { defaultPayloadConverter } from '@temporalio/client';
import { arrayFromPayloads } from '@temporalio/common';
import type { ResolvedRollback } from '../../domain/index.ts';
import type { DeploymentHandle } from '../temporal.ts';
import { clock, formatDurationRoughly } from './format.ts';

/** The traffic as the history has it last: what is known while no worker answers. Times are epoch milliseconds. */
export interface LastKnownTraffic {
  /** 0 to 100. */
  readonly greenPercentage: number;
  /** A shift to this share, or the way back to 0, was begun, and its end is not known. */
  readonly movingTo?: number;
  /** Until then somebody watched green; missing before the first shift. */
  readonly watchedUntil?: number;
}

type History = Awaited<ReturnType<DeploymentHandle['fetchHistory']>>;

/** What the finished activities in a history say of the traffic; undefined for a rollback of its own that has not read it. Pure. */
export function trafficIn({ events }: History): LastKnownTraffic | undefined {
  const begun = new Map<string, { readonly type: string; readonly percentage: number }>();
  const [first] = events ?? [];
  const isRollback = first?.workflowExecutionStartedEventAttributes?.workflowType?.name === 'blueGreenRollback';
  let known: LastKnownTraffic | undefined = isRollback ? undefined : { greenPercentage: 0 };
  for (const event of events ?? []) {
    const { activityTaskScheduledEventAttributes: scheduled, activityTaskCompletedEventAttributes: completed } = event;
    if (scheduled) {
      const type = scheduled.activityType?.name ?? '';
      const percentage = type === 'restoreTraffic' ? 0 : percentageIn(scheduled.input?.payloads);
      begun.set(String(event.eventId), { type, percentage });
      if (isMove(type)) known = { greenPercentage: 0, ...known, movingTo: percentage };
    }
    const ended = completed && begun.get(String(completed.scheduledEventId));
    if (!ended) continue;
    const at = Number(event.eventTime?.seconds ?? 0) * 1_000;
    if (isMove(ended.type)) known = { greenPercentage: ended.percentage, watchedUntil: at };
    else if (ended.type === 'resolveRollback') known = { greenPercentage: greenIn(completed.result?.payloads) };
    else if (ended.type === 'watchWindow') known = { greenPercentage: 0, ...known, watchedUntil: at };
  }
  return known;
}

function isMove(type: string): boolean {
  return type === 'shiftTraffic' || type === 'restoreTraffic';
}

type Payloads = Parameters<typeof arrayFromPayloads>[1];

function percentageIn(payloads: Payloads): number {
  const [input] = arrayFromPayloads(defaultPayloadConverter, payloads) as [{ percentage?: number } | undefined];
  return input?.percentage ?? 0;
}

function greenIn(payloads: Payloads): number {
  const [resolved] = arrayFromPayloads(defaultPayloadConverter, payloads) as [Partial<ResolvedRollback> | undefined];
  return resolved?.greenPercentage ?? 0;
}

/** Of a watch that was heard of so long ago, the worker is lost: its heartbeats come every eight seconds at the latest. */
const LOST_AFTER_MS = 15_000;

/** `green has 50 % of the traffic, and nobody has watched it since 08:01:02 (4 m 10 s)` */
export function lastKnownWords({ greenPercentage, movingTo, watchedUntil }: LastKnownTraffic, now: number): string {
  const moving =
    movingTo === undefined ? '' : `; the move to ${movingTo} % was begun, and it is not known whether it happened`;
  const unwatched =
    (greenPercentage === 0 && !movingTo) || watchedUntil === undefined
      ? ''
      : now - watchedUntil < LOST_AFTER_MS
        ? `, watched until ${clock(watchedUntil, now)} at least`
        : `, and nobody has watched it since ${clock(watchedUntil, now)} (${formatDurationRoughly(now - watchedUntil)})`;
  return `green has ${greenPercentage} % of the traffic${unwatched}${moving}`;
}
