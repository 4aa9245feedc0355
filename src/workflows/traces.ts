import type { SerializableSpan } from '@temporalio/interceptors-opentelemetry';
import {
  defaultPayloadConverter,
  proxySinks,
  type Sinks,
  type WorkflowInterceptors,
  workflowInfo,
} from '@temporalio/workflow';

/** The plugin's, with numbers for its enums: they are in a package that would come into the bundle for them. */
interface Span extends Omit<SerializableSpan, 'kind' | 'status'> {
  readonly kind: number;
  readonly status: { readonly code: number; readonly message?: string };
}

/** The plugin on the worker's side takes the spans under this name. */
interface Collected extends Sinks {
  readonly exporter: { export(spans: readonly Span[]): void };
}

/**
 * The workflow's part of the traces, in the bundle of a worker that sends them. OpenTelemetry's plugin has one, too, but
 * that puts promises of its own between a step and what follows: an update at the gate then ends after what it sets off, and
 * a deployment that began without traces would not replay with them. Here nothing waits, and nothing is random: what the
 * workflow sees is the same with traces and without.
 */
export function interceptors(): WorkflowInterceptors {
  const { exporter } = proxySinks<Collected>();
  let spans = 0;

  const begin = (name: string, parent?: string) => {
    spans += 1;
    const spanId = spans.toString(16).padStart(16, '0');
    const from = Date.now();
    const end = (status: Span['status']): void => {
      const to = Date.now();
      exporter.export([
        {
          name,
          kind: INTERNAL,
          spanContext: { traceId: traceId(), spanId, traceFlags: SAMPLED },
          ...(parent === undefined ? {} : { parentSpanId: parent }),
          startTime: time(from),
          endTime: time(to),
          duration: time(to - from),
          status,
          attributes: {},
          links: [],
          events: [],
          ended: true,
          droppedAttributesCount: 0,
          droppedLinksCount: 0,
          droppedEventsCount: 0,
          instrumentationLibrary: { name: 'bluegreen' },
        },
      ]);
    };
    /** Beside whatever else follows the step, never in between. */
    const untilEndOf = <Result>(step: Promise<Result>): Promise<Result> => {
      step.then(
        () => end({ code: OK }),
        (error: unknown) => end({ code: FAILED, message: error instanceof Error ? error.message : String(error) }),
      );
      return step;
    };
    return { spanId, untilEndOf };
  };

  let workflow: string | undefined;
  return {
    inbound: [
      {
        execute(input, next) {
          const { spanId, untilEndOf } = begin(`RunWorkflow:${workflowInfo().workflowType}`);
          workflow = spanId;
          return untilEndOf(next(input));
        },
      },
    ],
    outbound: [
      {
        scheduleActivity(input, next) {
          const { spanId, untilEndOf } = begin(`StartActivity:${input.activityType}`, workflow);
          return untilEndOf(next({ ...input, headers: { ...input.headers, ...header(spanId) } }));
        },
      },
    ],
  };
}

const SAMPLED = 1;
const INTERNAL = 0;
const OK = 1;
const FAILED = 2;

/** A run has one trace: its id without the dashes: from one id you find the other. */
function traceId(): string {
  return workflowInfo().originalExecutionRunId.replaceAll('-', '');
}

/** The plugin's activity reads it, as W3C's trace context. */
function header(spanId: string) {
  return { '_tracer-data': defaultPayloadConverter.toPayload({ traceparent: `00-${traceId()}-${spanId}-01` }) };
}

/** OpenTelemetry's: seconds and nanoseconds. */
function time(ms: number): [number, number] {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];
}
