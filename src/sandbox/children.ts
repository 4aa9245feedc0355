import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programArguments } from '../util/index.ts';
import { CONFIG_VARIABLE, type FromParent, type ToParent } from './child.ts';

/** A process of the sandbox, seen from its parent. */
export interface Child<Order> {
  /** Where it listens; 0 when it does not. */
  readonly port: number;
  isAlive(): boolean;
  /** Resolves when the order is carried out. @throws what the child answered, or that it ended. */
  order(order: Order): Promise<void>;
  /** Lets it end by itself, kills it when it takes longer than `graceMs`. May be called twice. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** The file of the program in this folder, without its extension. */
  readonly program: string;
  /** Names it in errors and names its log. */
  readonly name: string;
  readonly config: object;
  /** Its output goes to `<name>.log` here. */
  readonly directory: string;
  readonly graceMs?: number;
}

/** Longer than any program needs to let go of what it holds. */
const GRACE_MS = 3_000;

/** Starts a program and waits until it is ready. @throws with the program's own words when it is not. */
export async function startChild<Order>(options: ChildOptions): Promise<Child<Order>> {
  const logFile = join(options.directory, `${options.name}.log`);
  const child = spawnChild(options, logFile);
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = deferred<number>();

  child.on('message', (message: ToParent) => {
    if (message.kind === 'ready') return ready.resolve(message.port);
    if (message.kind === 'failed') return ready.reject(new Error(message.message));
    const { resolve, reject } = waiting.get(message.id) ?? {};
    waiting.delete(message.id);
    return message.error === undefined ? resolve?.() : reject?.(new Error(message.error));
  });
  child.once('error', (error) => ready.reject(new Error(`${options.name} could not be started`, { cause: error })));
  child.once('exit', () => {
    ready.reject(new Error(`${options.name} ended before it was ready:\n${lastLines(logFile)}`));
    for (const { reject } of waiting.values()) reject(new Error(`${options.name} has ended`));
    waiting.clear();
  });

  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    if (child.connected) child.disconnect();
    const kill = setTimeout(() => child.kill('SIGKILL'), options.graceMs ?? GRACE_MS);
    await exited;
    clearTimeout(kill);
  };

  let orders = 0;
  const order = (what: Order): Promise<void> =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error(`${options.name} has ended`));
      const id = ++orders;
      waiting.set(id, { resolve, reject });
      child.send({ id, order: what } satisfies FromParent<Order>, (error) => error && reject(error));
    });

  try {
    const port = await ready.promise;
    return { port, isAlive: () => child.connected, order, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function spawnChild({ program, config }: ChildOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(process.execPath, programArguments(import.meta.url, `./${program}`), {
      env: { ...process.env, [CONFIG_VARIABLE]: JSON.stringify(config) },
      stdio: ['ignore', log, log, 'ipc'],
      // A Ctrl-C in a terminal goes to the whole process group, but the sandbox has to stay up until its owner has rolled
      // back. What ends a child is the channel to its parent alone.
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

function deferred<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
  } catch {
    return '(no log)'; // removed, with a temporary folder
  }
}
