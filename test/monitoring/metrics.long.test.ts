import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { METRICS } from '../../src/domain/deployment-metrics.ts';
import type { Sample } from '../../src/prometheus/text-format.ts';
import { freePort } from '../../src/sandbox/program.ts';
import { bundleFile } from '../../src/worker/workflow-bundle.ts';
import * as messages from '../../src/workflows/messages.ts';
import { buildWorker } from '../support/build-worker.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { dashboard, expressionsOf, metricsIn, type RuleFile } from '../support/monitoring.ts';
import { readPage, valueOf } from '../support/page.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { observe, start, type TestDeployment, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { ANNOUNCED, bundleVariant } from '../support/variant.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';

/** The Prometheus pages of real workers. */

const temporal = useTemporal();

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Scene {
  readonly production: LittleProduction;
  /** With a Prometheus page; by default the worker as it is built. */
  startWorker(program?: string): Promise<{ readonly worker: WorkerProcess; page(): Promise<readonly Sample[]> }>;
  deploy(): Promise<TestDeployment>;
}

async function scene(): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = uniqueQueue();
  const production = await startLittleProduction(service, { checklist: [] });
  cleanUps.push(() => production.stop());
  return {
    production,
    startWorker: async (program) => {
      const address = `127.0.0.1:${await freePort()}`;
      const worker = startWorkerProcess(taskQueue, { ...production.env, BLUEGREEN_METRICS: address }, program);
      cleanUps.push(() => worker.kill('SIGKILL'));
      return { worker, page: () => readPage(address) };
    },
    deploy: async () => {
      const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
      cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
      return observe(handle);
    },
  };
}

async function approve({ untilPhase, handle }: TestDeployment): Promise<string> {
  await untilPhase('awaiting-approval');
  await handle.signal(messages.approve, { by: 'ana' });
  return (await handle.result()).outcome;
}

test('every metric that the alerts and the dashboard name is on the page of a worker after two deployments', async () => {
  const { production, startWorker, deploy } = await scene();
  const { page } = await startWorker();
  const bad = await deploy();
  await bad.untilPhase('soaking');
  production.fail('2.5.0', 0.5);
  await expect(bad.handle.result()).rejects.toMatchObject({ cause: { type: 'DeploymentRolledBack' } });
  production.fail('2.5.0', 0);
  expect(await approve(await deploy())).toBe('completed');

  const samples = await page();
  const shown = new Set(samples.map(({ name }) => name));
  const rules = parse(await readFile('monitoring/alerts.yaml', 'utf8')) as RuleFile;
  const named = [...expressionsOf(rules), ...expressionsOf(await dashboard())].flatMap(metricsIn);
  expect(named.length).toBeGreaterThan(20);
  /** It takes code that does not fit a history, which the next test shows, or a query that a busy worker answers too late. */
  const byEvent = 'temporal_workflow_task_execution_failed_total';
  expect(named).toContain(byEvent);
  expect([...new Set(named)].filter((name) => !shown.has(name) && name !== byEvent)).toEqual([]);

  for (const { name, kind } of Object.values(METRICS))
    expect(shown).toContain(kind === 'counter' ? `${name}_total` : kind === 'histogram' ? `${name}_count` : name);
  const outcomes = ['completed', 'rolled-back'].map((outcome) =>
    valueOf(samples, 'bluegreen_deployments_total', { outcome }),
  );
  expect(outcomes).toEqual([1, 1]);
  expect(valueOf(samples, 'bluegreen_rollbacks_total', { cause: 'breach' })).toBe(1);
  expect(valueOf(samples, 'bluegreen_recovery_seconds_count', { within_target: 'true' })).toBe(1);
  expect(valueOf(samples, 'bluegreen_recovery_target_seconds')).toBe(90);
  // In buckets of seconds: nothing here took a minute.
  expect(valueOf(samples, 'bluegreen_phase_duration_seconds_bucket', { phase: 'soaking', le: '60' })).toBe(3);
  expect(valueOf(samples, 'bluegreen_phase_duration_seconds_bucket', { phase: 'soaking', le: '1' })).toBeLessThan(3);
});

test('a worker that takes over replays what was, and counts none of it again', async () => {
  const { startWorker, deploy } = await scene();
  const first = await startWorker();
  const deployment = await deploy();
  await deployment.untilPhase('awaiting-approval');
  const before = await first.page();
  await first.worker.kill('SIGKILL');

  const second = await startWorker();
  expect(await approve(deployment)).toBe('completed');
  const after = await second.page();

  const stays = (phase: string) => (samples: readonly Sample[]) =>
    valueOf(samples, 'bluegreen_phase_duration_seconds_count', { phase });
  const counted = (count: (samples: readonly Sample[]) => number) => [count(before), count(after)];
  expect(counted(stays('resolving'))).toEqual([1, 0]);
  expect(counted(stays('deploying'))).toEqual([1, 0]);
  expect(counted(stays('shifting'))).toEqual([1, 1]);
  expect(counted(stays('soaking'))).toEqual([1, 1]);
  expect(counted(stays('awaiting-approval'))).toEqual([0, 1]);
  expect(counted((samples) => valueOf(samples, 'bluegreen_deployments_total'))).toEqual([0, 1]);
  expect(counted((samples) => valueOf(samples, 'bluegreen_gate_wait_seconds_count'))).toEqual([0, 1]);
  const report = await deployment.handle.result();
  const windows = report.steps.reduce((sum, step) => sum + step.windows.length, 0);
  const [seen, more] = counted((samples) => valueOf(samples, 'bluegreen_windows_total'));
  expect((seen ?? 0) + (more ?? 0)).toBe(windows);
});

test('a worker whose code does not fit the history of a deployment shows its failed workflow tasks', async () => {
  const { startWorker, deploy } = await scene();
  const fitting = await startWorker();
  await (await deploy()).untilPhase('awaiting-approval');
  await fitting.worker.kill('SIGKILL');

  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-unfit-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const unfit = await bundleVariant(ANNOUNCED);
  cleanUps.push(() => unfit.remove());
  const program = await buildWorker(folder);
  await copyFile(unfit.codePath, join(dirname(program), bundleFile({})));
  const { page } = await startWorker(program);
  const failures = async () =>
    valueOf(await page().catch(() => []), 'temporal_workflow_task_execution_failed_total', {
      failure_reason: 'NonDeterminismError',
    });
  const deadline = Date.now() + PATIENCE_MS;
  while ((await failures()) === 0 && Date.now() < deadline) await delay(200);
  expect(await failures()).toBeGreaterThan(0);
});
