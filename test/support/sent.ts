import { type InjectedSinks, Worker } from '@temporalio/worker';
import type { RecorderSinks } from './command-recorder.ts';
import type { History } from './history.ts';

type HistoryEvent = NonNullable<History['events']>[number];

/** What the workflow sends to the server, as far as replay does not compare it; times in milliseconds. */
export type Sent =
  | {
      readonly what: 'activity';
      readonly type: string;
      readonly summary: unknown;
      readonly arguments: unknown[];
      readonly startToCloseMs: number;
      readonly scheduleToCloseMs: number;
      readonly heartbeatMs: number;
      readonly retry: {
        readonly initialMs: number;
        readonly backoff: number;
        /** 0: as many as there is time for. */
        readonly attempts: number;
        readonly final: readonly string[];
      };
    }
  | { readonly what: 'timer'; readonly summary: unknown; readonly ms: number }
  | { readonly what: 'search attributes'; readonly values: Readonly<Record<string, unknown>> }
  | { readonly what: 'completed'; readonly result: unknown[] }
  | { readonly what: 'failed'; readonly type: string; readonly message: string; readonly details: unknown[] }
  | { readonly what: 'cancelled' };

export type SentActivity = Extract<Sent, { what: 'activity' }>;

/** What was sent when this history was recorded, in its order. */
export function sentThen(history: History): Sent[] {
  return (history.events ?? []).flatMap((event) => fromEvent(event) ?? []);
}

/** The activities that were scheduled, each with the time that the workflow saw then: epoch milliseconds. */
export function activitiesThen(history: History): { readonly sent: SentActivity; readonly at: number }[] {
  let at = 0;
  return (history.events ?? []).flatMap((event) => {
    if (event.workflowTaskStartedEventAttributes) at = Math.floor(ms(event.eventTime));
    const sent = fromEvent(event);
    return sent?.what === 'activity' ? [{ sent, at }] : [];
  });
}

/** What the code in this bundle, made with the command recorder, sends over the same history. */
export async function sentNow(history: History, codePath: string, workflowId: string): Promise<Sent[]> {
  const sent: Sent[] = [];
  const timers = new Set((history.events ?? []).map((event) => event.timerStartedEventAttributes?.timerId));
  const sinks: InjectedSinks<RecorderSinks> = {
    recorder: {
      commands: {
        callDuringReplay: true,
        fn: (_, commands) => {
          for (const command of commands as Command[]) {
            // A timer that is cancelled in the step that starts it never gets to the server.
            if (command.startTimer && !timers.has(String(command.startTimer.seq))) continue;
            sent.push(...fromCommand(command));
          }
        },
      },
    },
  };
  await Worker.runReplayHistory({ workflowBundle: { codePath }, sinks }, history, workflowId);
  return sent;
}

/** The shapes of the API's messages, as far as they are read here; the types are in a package that is no dependency. */
type Duration = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined;
type Payload = { readonly data?: Uint8Array | null };
type Payloads = { readonly payloads?: readonly Payload[] | null } | null | undefined;
type Metadata = { readonly summary?: Payload | null } | null | undefined;
interface Bounds {
  readonly startToCloseTimeout?: Duration;
  readonly scheduleToCloseTimeout?: Duration;
  readonly heartbeatTimeout?: Duration;
  readonly retryPolicy?: {
    readonly initialInterval?: Duration;
    readonly backoffCoefficient?: number | null;
    readonly maximumAttempts?: number | null;
    readonly nonRetryableErrorTypes?: readonly string[] | null;
  } | null;
}
interface Failure {
  readonly message?: string | null;
  readonly applicationFailureInfo?: { readonly type?: string | null; readonly details?: Payloads } | null;
}
interface Command {
  readonly userMetadata?: Metadata;
  readonly scheduleActivity?: Bounds & { readonly activityType: string; readonly arguments: readonly Payload[] };
  readonly startTimer?: { readonly seq: number; readonly startToFireTimeout?: Duration };
  readonly upsertWorkflowSearchAttributes?: { readonly searchAttributes?: IndexedFields };
  readonly completeWorkflowExecution?: { readonly result?: Payload | null };
  readonly failWorkflowExecution?: { readonly failure?: Failure | null };
  readonly cancelWorkflowExecution?: object;
}
type IndexedFields = { readonly indexedFields?: Readonly<Record<string, Payload>> | null } | null | undefined;

function fromCommand(command: Command): Sent[] {
  const { scheduleActivity, startTimer, upsertWorkflowSearchAttributes, userMetadata } = command;
  if (scheduleActivity)
    return [activity(scheduleActivity.activityType, userMetadata, scheduleActivity.arguments, scheduleActivity)];
  if (startTimer) return [{ what: 'timer', summary: summaryOf(userMetadata), ms: ms(startTimer.startToFireTimeout) }];
  if (upsertWorkflowSearchAttributes) return [attributes(upsertWorkflowSearchAttributes.searchAttributes)];
  if (command.completeWorkflowExecution) {
    const { result } = command.completeWorkflowExecution;
    return [{ what: 'completed', result: result ? [decoded(result)] : [] }];
  }
  if (command.failWorkflowExecution) return [failed(command.failWorkflowExecution.failure)];
  return command.cancelWorkflowExecution ? [{ what: 'cancelled' }] : [];
}

function fromEvent(event: HistoryEvent): Sent | undefined {
  const { userMetadata, activityTaskScheduledEventAttributes: scheduled } = event;
  if (scheduled)
    return activity(scheduled.activityType?.name ?? '', userMetadata, scheduled.input?.payloads ?? [], scheduled);
  const timer = event.timerStartedEventAttributes;
  if (timer) return { what: 'timer', summary: summaryOf(userMetadata), ms: ms(timer.startToFireTimeout) };
  const upserted = event.upsertWorkflowSearchAttributesEventAttributes;
  // The SDK sends this one itself, with the marker of a patch.
  if (upserted?.searchAttributes?.indexedFields?.['TemporalChangeVersion']) return undefined;
  if (upserted) return attributes(upserted.searchAttributes);
  const completed = event.workflowExecutionCompletedEventAttributes;
  if (completed) return { what: 'completed', result: decodedAll(completed.result?.payloads) };
  const { workflowExecutionFailedEventAttributes: failure } = event;
  if (failure) return failed(failure.failure);
  return event.workflowExecutionCanceledEventAttributes ? { what: 'cancelled' } : undefined;
}

function activity(type: string, metadata: Metadata, payloads: readonly Payload[], bounds: Bounds): Sent {
  const { initialInterval, backoffCoefficient, maximumAttempts, nonRetryableErrorTypes } = bounds.retryPolicy ?? {};
  return {
    what: 'activity',
    type,
    summary: summaryOf(metadata),
    arguments: decodedAll(payloads),
    startToCloseMs: ms(bounds.startToCloseTimeout),
    scheduleToCloseMs: ms(bounds.scheduleToCloseTimeout),
    heartbeatMs: ms(bounds.heartbeatTimeout),
    retry: {
      initialMs: ms(initialInterval),
      backoff: backoffCoefficient ?? 0,
      attempts: maximumAttempts ?? 0,
      final: [...(nonRetryableErrorTypes ?? [])],
    },
  };
}

function attributes(fields: IndexedFields): Sent {
  const entries = Object.entries(fields?.indexedFields ?? {}).map(([name, payload]) => [name, decoded(payload)]);
  return { what: 'search attributes', values: Object.fromEntries(entries) };
}

function failed(failure: Failure | null | undefined): Sent {
  const { type, details } = failure?.applicationFailureInfo ?? {};
  return { what: 'failed', type: type ?? '', message: failure?.message ?? '', details: decodedAll(details?.payloads) };
}

function summaryOf(metadata: Metadata): unknown {
  return metadata?.summary ? decoded(metadata.summary) : undefined;
}

/** Lists that come out of the sandbox are arrays of another realm; these are ours. */
function decodedAll(payloads: readonly Payload[] | null | undefined): unknown[] {
  return Array.from(payloads ?? [], (payload) => decoded(payload));
}

function decoded({ data }: Payload): unknown {
  return data && data.length > 0 ? JSON.parse(Buffer.from(data).toString('utf8')) : undefined;
}

/** Whole seconds come as a number or as the two halves of a long one. */
function ms(duration: Duration): number {
  const seconds = duration?.seconds;
  const whole = typeof seconds === 'object' && seconds !== null && 'low' in seconds ? seconds.low : seconds;
  return Number(whole ?? 0) * 1_000 + (duration?.nanos ?? 0) / 1e6;
}
