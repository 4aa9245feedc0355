import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import type { DeploymentStatus } from '../../src/domain/status.ts';
import { isTraced } from '../../src/worker/tracing.ts';
import { bundleFile, bundleWorkflows } from '../../src/worker/workflow-bundle.ts';
import * as messages from '../../src/workflows/messages.ts';
import { type Collector, startCollector } from '../support/collector.ts';
import { useServers } from '../support/http.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { observe, start, type TestDeployment, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';

/** Real workers that send traces, or could. */

const temporal = useTemporal();
const serve = useServers();
/** Less than the ten seconds that the exporter would wait for an answer. */
const LONGER_AT_MOST_MS = 8_000;

beforeAll(async () => {
  const { code } = await bundleWorkflows({ traced: true });
  await writeFile(join(dirname(process.env['TEST_WORKER'] ?? ''), bundleFile({ traced: true })), code);
});

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

type Env = Readonly<Record<string, string>>;

interface Scene extends TestDeployment {
  readonly production: LittleProduction;
  readonly worker: WorkerProcess;
  /** SIGKILLs the worker that serves and starts another one with this environment. */
  replaceWorker(env: Env): Promise<void>;
}

async function scene(env: Env, changes: Record<string, unknown> = {}): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = uniqueQueue();
  const production = await startLittleProduction(service, { checklist: [], ...changes });
  cleanUps.push(() => production.stop());
  let worker = startWorkerProcess(taskQueue, { ...production.env, ...env });
  cleanUps.push(() => worker.kill('SIGKILL'));
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  return {
    ...observe(handle),
    production,
    worker,
    replaceWorker: async (next) => {
      await worker.kill('SIGKILL');
      worker = startWorkerProcess(taskQueue, { ...production.env, ...next });
    },
  };
}

function traced(origin: string): Env {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: origin, OTEL_BSP_SCHEDULE_DELAY: '100' };
}

async function untilSpan({ spans, text }: Collector, name: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!spans().some((span) => span.name === name)) {
    if (Date.now() > deadline) throw new Error(`no span ${name} came: ${text().slice(0, 2_000)}`);
    await delay(50);
  }
}

/** A workflow task that failed means code that took other steps than the history has. */
async function failedTasks({ handle }: TestDeployment): Promise<unknown[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => (failed ? [failed.failure] : []));
}

async function approve({ untilPhase, handle }: TestDeployment): Promise<string> {
  await untilPhase('awaiting-approval');
  await handle.signal(messages.approve, { by: 'ana' });
  return (await handle.result()).outcome;
}

test('a deployment is one trace: the workflow, and each activity under its name', async () => {
  const collector = await startCollector(serve);
  const deployment = await scene(traced(collector.origin));
  expect(await approve(deployment)).toBe('completed');
  await untilSpan(collector, 'RunWorkflow:blueGreenDeployment');

  const spans = collector.spans();
  expect([...new Set(spans.map(({ service }) => service))]).toEqual(['bluegreen-worker']);
  const names = new Set(spans.map(({ name }) => name));
  for (const activity of ['resolvePlan', 'deployGreen', 'shiftTraffic', 'watchWindow', 'notify'])
    expect([...names]).toEqual(expect.arrayContaining([`StartActivity:${activity}`, `RunActivity:${activity}`]));

  const { events } = await deployment.handle.fetchHistory();
  const runId = events?.[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? '';
  expect([...new Set(spans.map(({ traceId }) => traceId))]).toEqual([runId.replaceAll('-', '')]);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  expect(ids.size).toBe(spans.length);
  const orphans = spans.filter(({ parentSpanId }) => !parentSpanId || !ids.has(parentSpanId));
  expect(orphans.map(({ name }) => name)).toEqual(['RunWorkflow:blueGreenDeployment']);
});

test('no secret, no command and no URL is in a trace, also when a command tells all it knows and fails', async () => {
  const collector = await startCollector(serve);
  const program = fileURLToPath(new URL('../support/leaky-command.mjs', import.meta.url));
  const { handle, production } = await scene(
    { ...traced(collector.origin), MAIN_DATABASE_URL: 'postgres://planted-user:planted-pass@127.0.0.1:1/planted-db' },
    {
      workload: {
        deploy: [process.execPath, program, 'deploy', '{version}'],
        env: ['LITTLE_PRODUCTION', 'MAIN_DATABASE_URL'],
      },
      databases: { main: { urlEnv: 'MAIN_DATABASE_URL' } },
    },
  );
  production.misbehave('deploy', 'fail');
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'DeploymentRolledBack' } });
  await untilSpan(collector, 'RunWorkflow:blueGreenDeployment');

  expect(collector.text()).toContain('exit code 3');
  expect(collector.text()).toContain('[redacted]');
  expect(collector.text()).not.toMatch(/planted|leaky-command|little-command|https?:\/\/|postgres:\/\//);
});

test('a collector that is not there, or takes all and answers nothing, disturbs neither deployment nor worker', async () => {
  const stopOf = async ({ worker }: Awaited<ReturnType<typeof scene>>): Promise<number> => {
    const from = Date.now();
    await worker.kill('SIGTERM');
    return Date.now() - from;
  };
  const untracedMs = await stopOf(await scene({}));
  const silent = await serve(() => {});
  const closed = await serve(() => {});
  await closed.close();
  for (const { origin } of [silent, closed]) {
    const deployment = await scene(traced(origin));
    expect(await approve(deployment)).toBe('completed');
    expect(await stopOf(deployment)).toBeLessThan(untracedMs + LONGER_AT_MOST_MS);
    // The silent one is given up on after ten seconds.
    const warnings = deployment.worker.log().match(/Traces are not sent/g)?.length ?? 0;
    expect(warnings).toBeGreaterThanOrEqual(origin === closed.origin ? 1 : 0);
    expect(warnings).toBeLessThan(2);
  }
  expect(silent.asked).toContain('/v1/traces');
});

/** Where a worker with traces takes over from one without, and the other way round. */
const SWITCHES: readonly [string, Env, Env][] = [
  ['on', {}, traced('http://127.0.0.1:1')],
  ['off', traced('http://127.0.0.1:1'), {}],
];

test.each(SWITCHES)('traces turned %s at the gate: the deployment goes on and completes', async (_, before, after) => {
  const deployment = await scene(before);
  await deployment.untilPhase('awaiting-approval');
  await deployment.replaceWorker(after);
  expect(await approve(deployment)).toBe('completed');
  expect(await failedTasks(deployment)).toEqual([]);
});

test.each(SWITCHES)(
  'traces turned %s while a rollback has stalled: it goes on and rolls back',
  async (_, before, after) => {
    const deployment = await scene(before);
    const { production, handle, until, untilPhase, replaceWorker } = deployment;
    await untilPhase('soaking');
    production.misbehave('rollback', 'fail');
    await handle.signal(messages.abort, { by: 'ana' });
    const rounds = ({ rollback }: DeploymentStatus): boolean => (rollback?.round ?? 0) > 2;
    await until(rounds);
    await replaceWorker(after);
    production.misbehave('rollback', 'well');
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'DeploymentRolledBack' } });
    expect(production.share()).toBe(0);
    expect(await failedTasks(deployment)).toEqual([]);
  },
);

test('traces are off unless a collector is named, and OpenTelemetry may be turned off as a whole', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
  expect(isTraced({})).toBe(false);
  expect(isTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false);
  expect(isTraced(endpoint)).toBe(true);
  expect(isTraced({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' })).toBe(true);
  expect(isTraced({ ...endpoint, OTEL_SDK_DISABLED: 'true' })).toBe(false);
  expect(isTraced({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' })).toBe(false);
  expect(() => isTraced({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toThrow('over HTTP only');
});
