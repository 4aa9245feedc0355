import { inspect, types } from 'node:util';
import { DefaultLogger, type LogEntry, type LogLevel } from '@temporalio/worker';
import { redact } from '../util/index.ts';
import { LOG_FORMATS, renderLogLine } from './log-line.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Lines of the SDK that repeat what another line says, or say nothing to people: written at the level `debug` only. */
const DETAILS = ['No Nexus services registered'];

/** While Temporal is away, each of the SDK's twenty pollers writes this every few seconds. */
const UNANSWERED = /^gRPC call \w+ retried \d+ times$/;
const UNANSWERED_EVERY_MS = 60_000;

/**
 * The worker's log on stderr: one line for each event, as text or, with BLUEGREEN_LOG_FORMAT=json, as JSON.
 * BLUEGREEN_LOG_LEVEL is the least severe level that is written, `info` by default. docs/monitoring.md lists the fields.
 *
 * A failure is shown as its message. Only an unexpected error has a stack, once for each place where it is thrown. What an
 * activity logs again with each attempt is written the 1st, 2nd, 4th, 8th ... time; that Temporal does not answer, once a minute.
 *
 * @throws Error that names the variable whose value cannot be used.
 */
export function createLogger(env: NodeJS.ProcessEnv = process.env, write = writeToStderr): DefaultLogger {
  const format = choice(env, 'BLUEGREEN_LOG_FORMAT', LOG_FORMATS, 'text');
  const level = choice(env, 'BLUEGREEN_LOG_LEVEL', LEVELS, 'info');
  const countLine = createCounter();
  const countStack = createCounter();
  let unansweredAt = Number.NEGATIVE_INFINITY;

  const log = (entry: LogEntry): void => {
    if (level !== 'debug' && isDetail(entry)) return;
    const isUnanswered = UNANSWERED.test(entry.message);
    if (isUnanswered) {
      const at = Number(entry.timestampNanos / 1_000_000n);
      if (at - unansweredAt < UNANSWERED_EVERY_MS) return;
      unansweredAt = at;
    }
    const message = isUnanswered ? 'Temporal does not answer; the worker tries again until it does' : entry.message;
    const { error, ...meta } = entry.meta ?? {};
    const { place, stack, ...failure } = failureOf(error, env);
    const { activityId, workflowRunId } = meta;
    const repeated = [workflowRunId, activityId, entry.message, failure.problem].join('\n');
    if (activityId !== undefined && !isPowerOfTwo(countLine(repeated))) return;
    const shown = place !== undefined && countStack(place) === 1 ? { stack } : {};
    write(renderLogLine({ ...entry, message, meta: { ...failure, ...meta, ...shown } }, format));
  };
  return new DefaultLogger(level.toUpperCase() as LogLevel, log);
}

function writeToStderr(line: string): void {
  process.stderr.write(line);
}

function choice<Name extends string>(
  env: NodeJS.ProcessEnv,
  variable: string,
  names: readonly Name[],
  otherwise: Name,
): Name {
  const given = env[variable] || otherwise;
  const chosen = names.find((name) => name === given);
  if (chosen === undefined) throw new Error(`${variable} is "${given}", expected one of ${names.join(', ')}`);
  return chosen;
}

/** The workflow logs its own end: a failure without a stack is its answer (see `withoutStack`), and says the same again. */
function isDetail({ message, meta }: LogEntry): boolean {
  if (message === 'Workflow failed') return types.isNativeError(meta?.['error']) && !meta['error'].stack;
  return DETAILS.some((detail) => message.startsWith(detail));
}

/** Classes of JavaScript itself. Others, such as Temporal's, ours and those of libraries, are for what can be foreseen. */
const UNEXPECTED = new Set(['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError']);

interface Failure {
  readonly problem?: string;
  readonly errorType?: string;
  readonly stack?: string;
  /** Where an unexpected error was thrown. */
  readonly place?: string;
}

function failureOf(error: unknown, env: NodeJS.ProcessEnv): Failure {
  if (error === undefined) return {};
  if (typeof error === 'string') return { problem: redact(withoutRust(error), env) };
  if (!types.isNativeError(error)) return { problem: redact(inspect(error), env) };
  const problem = redact(messages(error).join(': '), env);
  const { name } = error.constructor;
  const errorType = 'type' in error && typeof error.type === 'string' ? error.type : name;
  const frames = error.stack?.indexOf('\n    at ') ?? -1;
  if (!UNEXPECTED.has(name) || frames < 0) return { problem, errorType };
  const stack = redact(error.stack ?? '', env);
  return { problem, errorType, stack, place: `${name}${error.stack?.slice(frames)}` };
}

/** `Unavailable: tcp connect error (Connection refused)` of a gRPC status as the SDK's native part writes it, with all of its fields. */
function withoutRust(text: string): string {
  const [, code, message] = /^Status \{ code: (\w+), message: "((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  if (code === undefined) return text;
  const [, system] = /\bOs \{ code: \d+, kind: \w+, message: "([^"]*)"/.exec(text) ?? [];
  return `${code}: ${message}${system === undefined ? '' : ` (${system})`}`;
}

/** Of an error and of its causes, as far as one says more than those before: "fetch failed" alone helps nobody. */
function messages(error: Error): string[] {
  const { message, cause } = error;
  const further = types.isNativeError(cause) ? messages(cause) : [];
  return [message, ...further.filter((one) => !message.includes(one))];
}

const MOST_KEPT = 1_000;

/** Counts how often each text came; of very many texts it forgets the oldest. */
function createCounter(): (text: string) => number {
  const counts = new Map<string, number>();
  return (text) => {
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    const [oldest] = counts.keys();
    if (counts.size > MOST_KEPT && oldest !== undefined) counts.delete(oldest);
    return count;
  };
}

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count));
}
