import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import type { WindowResult } from '../../src/domain/activity-results.ts';
import type { DeploymentStatus, Phase } from '../../src/domain/status.ts';
import type { Reading } from '../../src/plugin/counters.ts';
import * as messages from '../../src/workflows/messages.ts';
import { until as untilTrue } from '../checks/support/context.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { keepHistory, observe, start, type TestDeployment, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { sample } from './support/seed.ts';

/** Invariant 11: a worker that is killed at any moment, any number of times, changes nothing about the outcome. */

const temporal = useTemporal();
const LONG_SOAK = {
  traffic: [
    { percentage: 50, soak: '14s', approval: {} },
    { percentage: 100, soak: '10s' },
  ],
};

interface Scene extends TestDeployment {
  readonly production: LittleProduction;
  killWorker(): Promise<void>;
  startWorker(): void;
  /** SIGKILLs the worker that serves and starts another. */
  replaceWorker(): Promise<void>;
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function scene(changes: Record<string, unknown> = {}): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = `loss-${randomUUID()}`;
  const production = await startLittleProduction(service, changes);
  cleanUps.push(() => production.stop());
  const workers: WorkerProcess[] = [startWorkerProcess(taskQueue, production.env)];
  cleanUps.push(() => Promise.all(workers.map((worker) => worker.kill('SIGKILL'))));
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  const killWorker = async () => {
    await workers.at(-1)?.kill('SIGKILL');
  };
  const startWorker = () => {
    workers.push(startWorkerProcess(taskQueue, production.env));
  };
  return {
    ...observe(handle, 60_000),
    production,
    killWorker,
    startWorker,
    replaceWorker: async () => {
      await killWorker();
      startWorker();
    },
  };
}

async function attest({ untilPhase, handle }: Scene): Promise<void> {
  await untilPhase('checking');
  await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
}

const stories: [name: string, run: () => Promise<void>][] = [];
function story(name: string, run: () => Promise<void>): void {
  stories.push([name, run]);
}

const commands = ({ audit }: LittleProduction): string[] =>
  audit.map(({ command, argument }) => `${command} ${argument}`);
const distinct = (list: readonly string[]): string[] => [...new Set(list)];

/**
 * The windows as the history has them, with what the watch carried from one to the next. A window that was asked to close
 * while its worker was dead is in the failure of its activity: its last heartbeat.
 */
async function windowsOf({ handle }: TestDeployment): Promise<WindowResult[]> {
  const { events } = await handle.fetchHistory();
  const results = (events ?? []).flatMap(
    ({ activityTaskCompletedEventAttributes: completed, activityTaskTimedOutEventAttributes: timedOut }) =>
      (completed?.result ?? timedOut?.failure?.timeoutFailureInfo?.lastHeartbeatDetails)?.payloads ?? [],
  );
  return results
    .map((payload) => JSON.parse(Buffer.from(payload.data ?? []).toString('utf8') || 'null') as WindowResult | null)
    .filter((result): result is WindowResult => result !== null && 'verdict' in result);
}

function carried(window: WindowResult | undefined, version: string): number {
  const series = Object.values((window?.watchState.cursor as Reading | null | undefined)?.series ?? {});
  return series.filter((one) => one.version === version).reduce((sum, one) => sum + one.requests, 0);
}

async function expectEachCountedOnce(deployment: TestDeployment): Promise<void> {
  const windows = await windowsOf(deployment);
  const shifted = (window: WindowResult) => window.shifting?.green.requests ?? 0;
  const counted = windows.reduce((sum, window) => sum + window.green.requests + shifted(window), 0);
  expect(counted).toBeGreaterThan(1_000);
  expect(counted).toBe(carried(windows.at(-1), '2.5.0'));
}

story(
  'killed while it waits for a person, during the 50 % soak, at the gate and at 100 %: completed, nothing counted twice',
  async () => {
    const deployment = await scene(LONG_SOAK);
    const { production, handle, untilPhase, replaceWorker } = deployment;
    await untilPhase('checking');
    await replaceWorker();
    await attest(deployment);

    const before = (await untilPhase('soaking')).steps[0];
    await replaceWorker();
    const gate = await untilPhase('awaiting-approval');
    const after = gate.steps[0];
    expect(after?.shiftedAt).toBe(before?.shiftedAt);
    // Before its first reading the soak has seen nothing: what that cost is added, and no more.
    const added = (after?.soakUntil ?? 0) - (before?.soakUntil ?? 0);
    expect(added).toBeGreaterThanOrEqual(0);
    expect(added).toBeLessThanOrEqual((before?.soakUntil ?? 0) - (before?.shiftedAt ?? 0));

    await replaceWorker();
    await handle.signal(messages.approve, { by: 'ana' });
    await deployment.until(({ greenPercentage, phase }) => greenPercentage === 100 && phase === 'soaking');
    await replaceWorker();
    expect((await handle.result()).outcome).toBe('completed');

    expect(commands(production)).toEqual(['deploy 2.5.0', 'shift 50', 'shift 100']);
    await expectEachCountedOnce(deployment);
    await keepHistory('completed-workers-killed', handle);
  },
);

story('killed while a breach is rolled back: blue serves, verified', async () => {
  const deployment = await scene();
  const { production, handle, until, untilPhase, replaceWorker } = deployment;
  await attest(deployment);
  await untilPhase('soaking');
  production.misbehave('rollback', 'hang');
  production.fail('2.5.0', 0.5);
  await until(() => commands(production).includes(`rollback ${production.service}`));
  production.misbehave('rollback', 'well');
  await replaceWorker();
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'DeploymentRolledBack' } });

  expect(production.share()).toBe(0);
  expect(distinct(commands(production))).toEqual(['deploy 2.5.0', 'shift 50', `rollback ${production.service}`]);
  const [first, second] = production.audit.filter(({ command }) => command === 'rollback');
  expect(second?.operation).toBe(first?.operation);
  expect(second?.attempt).toBe((first?.attempt ?? 0) + 1);
  await keepHistory('rolled-back-worker-killed', handle);
});

const PHASES: readonly (readonly [Phase, string])[] = [
  ['deploying', 'deploy'],
  ['shifting', 'shift'],
];
for (const [phase, command] of PHASES)
  story(`killed while ${phase}: the command ends with its worker, runs again and the deployment goes on`, async () => {
    const deployment = await scene();
    const { production, handle, until, untilPhase, replaceWorker } = deployment;
    await untilPhase('checking');
    production.misbehave(command, 'hang');
    await attest(deployment);
    await until((status) => status.phase === phase && production.audit.some((entry) => entry.command === command));
    production.misbehave(command, 'well');
    await replaceWorker();
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
    const attempts = production.audit.filter((entry) => entry.command === command && entry.argument !== '100');
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(distinct(attempts.map(({ operation }) => operation ?? ''))).toHaveLength(1);
  });

const IMPATIENT = { watch: { gateWindow: '2s', maxUnwatched: '3s' } };

/** SIGKILLs the worker at 50 %, and starts another when nobody has watched for longer than the runbook allows. */
async function unwatched(deployment: Scene, meanwhile: () => void = () => {}): Promise<void> {
  const { handle, until, killWorker, startWorker } = deployment;
  await attest(deployment);
  await until(({ steps: [step] }) => (step?.windows.length ?? 0) > 0);
  await killWorker();
  meanwhile();
  const isLost = async () => {
    const { events } = await handle.fetchHistory();
    return events?.some(({ activityTaskTimedOutEventAttributes: timedOut }) => timedOut) ?? false;
  };
  await untilTrue(isLost);
  startWorker();
}

story('nobody watches for too long, and green is healthy: it goes on, nothing counted twice', async () => {
  const deployment = await scene(IMPATIENT);
  const { production, handle, untilPhase } = deployment;
  await unwatched(deployment);
  await untilPhase('awaiting-approval');
  await handle.signal(messages.approve, { by: 'ana' });
  expect((await handle.result()).outcome).toBe('completed');
  expect(commands(production)).toEqual(['deploy 2.5.0', 'shift 50', 'shift 100']);
  await expectEachCountedOnce(deployment);
});

story('nobody watches for too long, and green fails meanwhile: rolled back for the breach', async () => {
  const deployment = await scene(IMPATIENT);
  const { production, handle } = deployment;
  await unwatched(deployment, () => production.fail('2.5.0', 0.5));
  const error = await handle.result().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ cause: { type: 'DeploymentRolledBack', message: expect.stringContaining('failed') } });
  const { rollback } = await deployment.status();
  expect(rollback?.cause).toBe('breach');
  expect(production.share()).toBe(0);
});

story('a decision that came while no worker ran is taken when one is back', async () => {
  const deployment = await scene();
  const { handle, untilPhase, replaceWorker } = deployment;
  await attest(deployment);
  await untilPhase('awaiting-approval');
  const replaced = replaceWorker();
  await handle.signal(messages.approve, { by: 'ana' });
  await replaced;
  const report = await handle.result();
  expect(report.steps[0]?.gate?.approvedBy).toEqual(['ana']);
});

story('a rollback command that exits 0 without effect is not believed', async () => {
  const deployment = await scene({ recovery: { target: '90s', round: '30s', pause: '1s', guard: '1s' } });
  const { production, handle, until, untilPhase } = deployment;
  await attest(deployment);
  await untilPhase('soaking');
  production.misbehave('rollback', 'lie');
  await handle.signal(messages.abort, { by: 'ana' });
  const stalled: DeploymentStatus = await until((status) => status.phase === 'rollback-stalled');
  expect(stalled.rollback?.problem).toContain('traffic is not back');
  production.misbehave('rollback', 'well');
  await handle.signal(messages.retryRollback, { by: 'ana' });
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'DeploymentRolledBack' } });
  expect(production.share()).toBe(0);
});

test.each(sample(stories, 3))('%s', async (_, run) => run());
