import { resolve } from 'node:path';
import { type Logger, Runtime } from '@temporalio/worker';
import { loadRegistry } from '../built-in.ts';
import { count } from '../format/index.ts';
import { warnOfUnusableNotifiers } from '../notifications/index.ts';
import { createRunbookStore, type RunbookStore } from '../runbook/index.ts';
import { openState, type StateStore } from '../state/index.ts';
import { connectionConfig, connectWorker, ensureSearchAttributes, noNamespace, taskQueue } from '../temporal/index.ts';
import { keepHeapSmall, messageOf, PACKAGE_VERSION, shortList } from '../util/index.ts';
import { createWorker } from './create-worker.ts';
import { serveHealth } from './health.ts';
import { createLogger } from './logger.ts';
import { createRunningActivities, type RunningActivities } from './running-activities.ts';
import { telemetryOptions } from './telemetry.ts';
import { startTracing } from './tracing.ts';
import { lacksBuildId, versioningNotice } from './versioning.ts';
import { WORKER_OPTIONS } from './worker-options.ts';

/** Before Kubernetes kills it, 30 s after the signal: what still runs is in the log then. */
const WARN_AFTER_MS = 25_000;

/** With these the worker takes no more work, hands over what it does and ends with exit code 0. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * The worker as a process of its own: runs until a signal stops it, and ends the process. Its environment: TEMPORAL_*
 * (address, profile, TLS, API key: see the SDK's environment configuration), BLUEGREEN_RUNBOOKS (folder, default
 * ./runbooks), BLUEGREEN_STATE or BLUEGREEN_STATE_URL (what outlives the worker: docs/state.md), BLUEGREEN_TASK_QUEUE, BLUEGREEN_BUILD_ID (turns Worker
 * Versioning on: docs/production.md), BLUEGREEN_METRICS (address such as 127.0.0.1:9464 of a page for Prometheus) and
 * OTEL_EXPORTER_OTLP_ENDPOINT with its relatives (traces), BLUEGREEN_GROUPS (the file with the groups of approvers: docs/approvals.md),
 * BLUEGREEN_HEALTH_ADDRESS (probes), all off by default, BLUEGREEN_LOG_FORMAT and BLUEGREEN_LOG_LEVEL:
 * docs/monitoring.md; BLUEGREEN_PLUGINS (packages with more kinds, beside those in ./bluegreen.config.js: docs/plugins.md); and
 * what the runbooks name.
 */
export async function runWorker(): Promise<never> {
  let logger = createLogger({});
  try {
    logger = createLogger();
    await run(logger);
  } catch (error) {
    logger.error(`The worker cannot run: ${messageOf(error)}`);
    process.exit(1);
  }
  // Not before all is over; then a connection that was given up on, to Temporal or a collector, would keep the process.
  process.exit();
}

async function run(logger: Logger): Promise<void> {
  installRuntime(logger);
  const running = createRunningActivities();
  let isStopping = false;
  const stopping = (): void => {
    if (!isStopping) warnOfActivitiesThatRunOn(running, logger);
    isStopping = true;
  };
  // The SDK heeds the first signal only, and the next one would end the process in the middle of its work: systemd, Ctrl-C
  // and npm together send every signal twice.
  for (const signal of STOP_SIGNALS) process.on(signal, stopping);
  // Node ends the process over it, and the watches of all deployments with it: on every worker in turn, if one deployment is the cause.
  process.on('unhandledRejection', (error) =>
    logger.error(`An error that nobody waited for: ${error instanceof Error ? error.stack : messageOf(error)}`),
  );
  const health = await serveHealth();
  const registry = await loadRegistry();
  const state = await openState();
  const directory = resolve(process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks');
  const runbooks = createRunbookStore({
    directory,
    state,
    format: registry.format,
  });
  void warnOfUnusableState(state, logger);
  await warnOfUnusableNotifiers({ runbooks, registry, env: process.env }, logger);
  const tracing = await startTracing(logger);
  const config = connectionConfig();
  const { namespace } = config;
  const connection = await connectWorker(config);
  try {
    const lost = await ensureSearchAttributes(connection, namespace);
    // The log has one line for each event: a command has to stand on a line of its own to be copied.
    for (const line of lost?.split('\n') ?? []) logger.warn(line);
    const worker = await createWorker({
      connection,
      namespace,
      runbooks,
      registry,
      state,
      env: process.env,
      running,
      ...(tracing && { plugins: tracing.plugins }),
    }).catch((error: unknown) => {
      throw /^Namespace .* was not found/.test(messageOf(error))
        ? new Error(noNamespace(namespace), { cause: error })
        : error;
    });
    keepHeapSmall(); // a thread that starts sets back one of the flags for all of them
    await logStart({ runbooks, state, logger }, { namespace, directory });
    const notice = versioningNotice();
    if (notice !== undefined) logger.info(notice);
    const idle = await lacksBuildId({ connection, namespace });
    if (idle !== undefined) logger.warn(idle);
    health?.started({ worker, connection });
    await worker.run().catch((error: unknown) => {
      // The SDK says of it only that the worker is still in use.
      const names = running.names();
      if (!isStopping || names.length === 0) throw error;
      const seconds = WORKER_OPTIONS.shutdownForceTime / 1_000;
      logger.error(`The worker exits, though these did not end within ${seconds} s: ${shortList(names)}`);
      process.exit(1); // the connection cannot be closed while they run
    });
  } finally {
    await connection.close();
    await state.close();
    await tracing?.stop();
    await health?.close();
  }
}

/** @throws Error that names the variable if the page for Prometheus cannot be served. */
function installRuntime(logger: Logger): void {
  const options = telemetryOptions();
  try {
    Runtime.install({ logger, telemetryOptions: options, shutdownSignals: [...STOP_SIGNALS] });
  } catch (error) {
    if (!options.metrics) throw error;
    throw new Error(
      `BLUEGREEN_METRICS: the worker cannot serve its metrics on ${process.env['BLUEGREEN_METRICS']} (${messageOf(error)}); ` +
        'expected an address that is free, such as 127.0.0.1:9464',
      { cause: error },
    );
  }
}

/** A worker that does not stop has to say why. */
function warnOfActivitiesThatRunOn(running: RunningActivities, logger: Logger): void {
  setTimeout(() => {
    const names = running.names();
    if (names.length > 0)
      logger.warn(
        `The worker cannot stop while these run: ${shortList(names)}. Does a plugin ignore its abort signal? ` +
          `In ${(WORKER_OPTIONS.shutdownForceTime - WARN_AFTER_MS) / 1_000} s it exits without them, and the next worker runs them again`,
      );
  }, WARN_AFTER_MS).unref();
}

/** Says where it takes work, and for which runbooks: what people look for when nothing happens. */
async function logStart(
  { runbooks, state, logger }: { readonly runbooks: RunbookStore; readonly state: StateStore; readonly logger: Logger },
  { namespace, directory }: { readonly namespace: string; readonly directory: string },
): Promise<void> {
  const found = await runbooks.inPlace().then(
    (inPlace) => {
      for (const { file, problems } of inPlace.broken)
        logger.warn(`A runbook cannot be used: ${problems[0]}. All problems: bluegreen runbook validate ${file}`);
      const usable = inPlace.runbooks.length;
      return usable > 0 ? count(usable, 'runbook') : `no runbook: there is none in ${directory} that can be used`;
    },
    (error: unknown) => `no runbook: ${messageOf(error)}`,
  );
  logger.info(
    `bluegreen ${PACKAGE_VERSION} takes work from the task queue "${taskQueue()}" in the namespace "${namespace}", with ${found}`,
  );
  // A misspelled or empty variable would leave this worker with a state of its own.
  logger.info(`Its state, which all workers of the queue have to share: ${state.describe('*')}`);
}

/** A worker without it goes on with what runs, and begins nothing: better known now than when somebody deploys. */
async function warnOfUnusableState(state: StateStore, logger: Logger): Promise<void> {
  const problem = await state.write('last-worker-start.txt', `${new Date().toISOString()}\n`).then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  if (problem !== undefined)
    logger.warn(`The state of the workers cannot be written, and no deployment can start until it can: ${problem}`);
}
