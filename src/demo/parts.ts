import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalServer, startLocalServer } from '../local-temporal/index.ts';
import { type Fault, type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/index.ts';
import { messageOf } from '../util/index.ts';
import { type DemoRunbookOptions, writeDemoRunbook } from './runbook.ts';
import { startWorker } from './worker.ts';

/** Everything the demo runs on, on this machine, from free ports and temporary folders. */
export interface Parts {
  /** Where the worker keeps what has to outlive it; the demo's end removes it. */
  readonly stateDirectory: string;
  readonly sandbox: Sandbox;
  readonly server: LocalServer;
  /** Rejects when one of them ends by itself, saying which and what it said. */
  readonly broken: Promise<never>;
}

/** What has to be ended; the last started first. */
export type Endings = (() => Promise<void>)[];

export interface PartsOptions extends DemoRunbookOptions {
  readonly requestsPerSecond: number;
  readonly fault?: Fault;
  /** Whatever else is to be different. */
  readonly sandbox?: SandboxOptions;
  readonly notice: (line: string) => void;
  /** Nothing more is started once it is aborted. */
  readonly signal: AbortSignal;
}

/**
 * Starts the sandbox, a Temporal server and the worker. What is to be ended is in `endings` before it is started, so that
 * an interruption at any moment leaves nothing behind.
 * @throws Error that says which part did not start, and what to do.
 */
export async function startParts(options: PartsOptions, endings: Endings): Promise<Parts> {
  const { notice, requestsPerSecond, fault, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-demo-'));
  endings.push(() => rm(folder, { recursive: true, force: true }));
  signal.throwIfAborted();

  const [sandbox, server] = await Promise.all([
    part(
      `sandbox (PostgreSQL, ${options.sandbox?.kubernetes ? 'Kubernetes, ' : ''}services, router, load, alerts, staging)`,
      notice,
      endings,
      () => startSandbox({ requestsPerSecond, ...(fault ? { fault } : {}), ...options.sandbox }),
    ),
    part('Temporal server', notice, endings, () =>
      startLocalServer({ ui: true, dbFilename: join(folder, 'temporal.db'), notice }),
    ),
  ]);

  const runbooks = join(folder, 'runbooks');
  await writeDemoRunbook(runbooks, sandbox, options);
  if (!sandbox.prometheusUrl && options.sandbox?.monitoring !== false)
    notice('  no prometheus and alertmanager on the PATH: the alerts are attested instead of measured');
  const settings = join(folder, 'temporal.toml');
  await writeFile(settings, '[profile.default]\n');
  const stateDirectory = join(folder, 'state');
  await mkdir(stateDirectory);
  signal.throwIfAborted();
  const worker = startWorker({
    ...withoutTemporal(process.env),
    ...sandbox.env,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_CONFIG_FILE: settings, // a profile of the person's is about another server
    BLUEGREEN_RUNBOOKS: runbooks,
    BLUEGREEN_STATE: stateDirectory,
  });
  endings.push(() => worker.stop());
  const broken = Promise.race([
    worker.ended.then((words) => fail('worker', words)),
    server.ended.then((words) => fail('Temporal server', words)),
  ]);
  broken.catch(() => undefined); // callers race it; until then a rejection must not count as unhandled
  return { stateDirectory, sandbox, server, broken };
}

async function part<Started extends { stop(): Promise<void> }>(
  name: string,
  notice: (line: string) => void,
  endings: Endings,
  start: () => Promise<Started>,
): Promise<Started> {
  const from = Date.now();
  const starting = start();
  endings.push(() =>
    starting.then(
      (started) => started.stop(),
      () => undefined,
    ),
  );
  try {
    const started = await starting;
    notice(`  ${name}: ready after ${((Date.now() - from) / 1_000).toFixed(1)} s`);
    return started;
  } catch (error) {
    const why = messageOf(error);
    throw new Error(`The ${name} did not start: ${why}`, { cause: error });
  }
}

function fail(name: string, words: string): never {
  throw new Error(`The ${name} of the demo ended by itself. It said:\n${words || '(nothing)'}`);
}

/** The person's own settings are about another server, another queue, another port. */
function withoutTemporal(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => name === 'TEMPORAL_CLI_PATH' || !/^(TEMPORAL|BLUEGREEN)_/.test(name)),
  );
}
