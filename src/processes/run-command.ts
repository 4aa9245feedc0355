import { basename } from 'node:path';
import type { ApplicationFailure } from '@temporalio/common';
import { execa } from 'execa';
import { duration } from '../format/index.ts';
import { commandFailed, messageOf, type Operation, type RunContext } from '../util/index.ts';
import { commandEnvironment } from './command-environment.ts';
import { recordHead, recordTail } from './command-output.ts';
import { findProgram } from './find-program.ts';
import { endGroup } from './process-group.ts';
import { SUPERVISOR } from './supervisor.ts';

const HEARTBEAT_MS = 1_000;
const STDOUT_BYTES = 1_048_576;
/** A command that ended may leave a child that holds its output open; that output is not waited for any longer. */
const DRAIN_MS = 500;

export interface CommandInput {
  /** A program and its arguments, passed on as they are: no shell reads them. */
  readonly command: readonly string[];
  readonly operation: Operation;
  readonly run: RunContext;
  /** What messages call it; by default the operation's step. Messages never hold the command line. */
  readonly name?: string;
  readonly timeoutMs?: number;
  /** The variables of the worker that it gets beside the basic ones. */
  readonly env?: readonly string[] | undefined;
}

export interface CommandResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  /** The first megabyte of standard output as it came: NOT redacted, for parsing only. */
  readonly stdout: string;
  /** The last 4 KB of standard error, and of both outputs in the order they came, redacted. */
  readonly stderrTail: string;
  readonly outputTail: string;
  readonly durationMs: number;
}

/**
 * Runs a program to its end, whatever its exit code. It finds its operation in BLUEGREEN_OPERATION_ID and
 * BLUEGREEN_ATTEMPT, and of the worker's environment only the basic variables and those in `env`. When the run's signal aborts, or after `timeoutMs`, its whole process group is ended (SIGTERM,
 * five seconds later SIGKILL) before this rejects; it is ended as well when this process dies.
 * @throws ApplicationFailure `CommandFailed`, not retryable, if it cannot be started, a variable is missing, or it does not
 *   end in time;
 *   the signal's reason if that aborts.
 */
export async function runCommand(input: CommandInput): Promise<CommandResult> {
  const { run, operation, timeoutMs } = input;
  const name = input.name ?? stepOf(operation);
  const env = { ...environmentOf(name, input.env), ...operationEnvironment(operation) };
  const [program = '', ...args] = input.command;
  const path = await findProgram(program, env['PATH']);
  if (path === undefined) throw programNotFound(name, program);
  run.signal.throwIfAborted();

  const startedAt = performance.now();
  const runningMs = () => Math.round(performance.now() - startedAt);
  const child = execa('/bin/sh', ['-c', SUPERVISOR, 'bluegreen', path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    buffer: false,
    reject: false,
    env,
    extendEnv: false,
  });
  child.stdio[3].resume();
  const stdout = recordHead(STDOUT_BYTES);
  const stderrTail = recordTail(process.env);
  const outputTail = recordTail(process.env);
  stdout.listenTo(child.stdout);
  stderrTail.listenTo(child.stderr);
  outputTail.listenTo(child.stdout);
  outputTail.listenTo(child.stderr);
  child.once('exit', () => {
    const drained = setTimeout(() => [...child.stdio].forEach((stream) => stream?.destroy()), DRAIN_MS);
    child.once('close', () => clearTimeout(drained));
  });

  // Listeners and timers below run outside the activity's context: they use nothing of it, and never throw.
  const stop = new AbortController();
  const stopped = new Promise<'stopped'>((resolve) => stop.signal.addEventListener('abort', () => resolve('stopped')));
  const cancel = () => stop.abort(run.signal.reason);
  run.signal.addEventListener('abort', cancel, { once: true });
  if (run.signal.aborted) cancel();
  const timeout =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => stop.abort(tookTooLong(name, timeoutMs, outputTail.text())), timeoutMs);
  const heartbeat = setInterval(() => beat(run, { doing: `running ${name}`, forMs: runningMs() }), HEARTBEAT_MS);
  try {
    const result = await Promise.race([child, stopped]);
    if (result === 'stopped') {
      if (child.pid !== undefined) await endGroup(child.pid);
      await child;
      stop.signal.throwIfAborted();
      throw new Error('a stopped command has a reason'); // not reached: `stopped` follows only an abort
    }
    if (result.exitCode === undefined && result.signal === undefined) throw notStarted(name, result.code);
    return {
      exitCode: result.exitCode ?? 137,
      stdout: stdout.text(),
      stderrTail: stderrTail.text(),
      outputTail: outputTail.text(),
      durationMs: runningMs(),
    };
  } finally {
    clearInterval(heartbeat);
    clearTimeout(timeout);
    run.signal.removeEventListener('abort', cancel);
  }
}

/**
 * Each `{name}` in each argument becomes its value, as text inside that argument.
 * @throws Error naming the first placeholder that has no value.
 */
export function fillPlaceholders(command: readonly string[], values: Readonly<Record<string, string>>): string[] {
  return command.map((argument) =>
    argument.replace(/\{([A-Za-z][A-Za-z0-9_]*)\}/g, (placeholder, key: string) => {
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value === undefined)
        throw new Error(
          `found the placeholder ${placeholder}, expected one of ${Object.keys(values)
            .map((known) => `{${known}}`)
            .join(', ')}`,
        );
      return value;
    }),
  );
}

function environmentOf(name: string, variables: readonly string[] | undefined): NodeJS.ProcessEnv {
  try {
    return commandEnvironment(variables);
  } catch (error) {
    throw commandFailed(`${name} could not be started: ${messageOf(error)}`);
  }
}

function operationEnvironment({ id, attempt }: Operation): NodeJS.ProcessEnv {
  return { BLUEGREEN_OPERATION_ID: id, BLUEGREEN_ATTEMPT: String(attempt) };
}

/** The last part of an operation's id: `deploy`, `shift-50`, ... */
function stepOf(operation: Operation): string {
  return operation.id.slice(operation.id.lastIndexOf('/') + 1);
}

function beat(run: RunContext, detail: unknown): void {
  try {
    run.heartbeat(detail);
  } catch {
    // Thrown from a timer it would end the worker. A heartbeat that is missing is seen by the server.
  }
}

function programNotFound(name: string, program: string): ApplicationFailure {
  const where = program.includes('/') ? 'no executable file is there' : "it is looked up on the worker's PATH";
  return commandFailed(`${name} could not be started: program "${basename(program)}" was not found; ${where}`);
}

function notStarted(name: string, code: string | undefined): ApplicationFailure {
  return commandFailed(`${name} could not be started: ${code ?? 'the operating system refused'}`);
}

function tookTooLong(name: string, timeoutMs: number, tail: string): ApplicationFailure {
  const said = tail === '' ? 'it printed nothing' : `its output ended with: ${tail.slice(-300)}`;
  return commandFailed(`${name} did not end within ${duration(timeoutMs)} and was stopped; ${said}`);
}
