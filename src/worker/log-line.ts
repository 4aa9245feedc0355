import { inspect, types } from 'node:util';
import type { LogEntry, LogMetadata } from '@temporalio/worker';

export const LOG_FORMATS = ['text', 'json'] as const;
type LogFormat = (typeof LOG_FORMATS)[number];

/** One event as one line with its line end; in text a stack follows, indented. Pure. */
export function renderLogLine({ timestampNanos, level, message, meta }: LogEntry, format: LogFormat): string {
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const fields = fieldsOf(meta ?? {});
  if (format === 'json')
    return `${JSON.stringify({ time, level: level.toLowerCase(), message: onOneLine(message), ...fields })}\n`;
  const { problem, stack, workflowId: _, runId: __, ...rest } = fields;
  const text = problem === undefined ? message : `${message}: ${problem}`;
  const pairs = Object.entries(rest).map(([name, value]) => `${name}=${quoted(String(value))}`);
  const head = [time, level.padEnd(5), onOneLine(text), ...pairs].join(' ');
  const indented = stack === undefined ? '' : `\n${String(stack).replace(/^ */gm, '    ')}`;
  return `${head}${indented}\n`;
}

/** Of the SDK's fields those that nobody needs, and those that the names below replace. */
const LEFT_OUT = new Set([
  'sdkComponent',
  'namespace',
  'taskQueue',
  'taskToken',
  'isLocal',
  'activityId',
  'activityType',
  'workflowRunId',
  'workflowType',
  'spanContexts',
]);

type Field = string | number | boolean;

/** What people look for comes first; what is unknown is left out. */
function fieldsOf(meta: LogMetadata): Record<string, Field> {
  const { problem, errorType, service, environment, version, activityType, attempt, workflowId, ...rest } = meta;
  const { workflowRunId, runId = workflowRunId, stack, ...others } = rest;
  const activity = activityType;
  const about = { problem, errorType, service, environment, version, activity, attempt, workflowId, runId };
  const known = Object.entries({ ...about, ...others })
    .filter(([name, value]) => value !== undefined && value !== null && !LEFT_OUT.has(name))
    .map(([name, value]): [string, Field] => [name, field(value)]);
  return { ...Object.fromEntries(known), ...(stack === undefined ? {} : { stack: withoutControls(String(stack)) }) };
}

const LONGEST = 4_000;

function field(value: unknown): Field {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (types.isNativeError(value)) return onOneLine(value.message);
  return onOneLine(typeof value === 'string' ? value : inspect(value, { breakLength: Number.POSITIVE_INFINITY }));
}

function onOneLine(text: string): string {
  const line = withoutControls(text.replace(/\s*\n\s*/g, ' '));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)} …` : line;
}

/** Text of others could rewrite a terminal. */
function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, ' ');
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
