import { afterEach, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { FAILURE } from '../../src/domain/errors.ts';
import { deploymentWorkflowId, keepBlueWorkflowId, type RollbackRequest } from '../../src/domain/plan.ts';
import type { blueGreenRollback } from '../../src/workflows/blue-green-rollback.ts';
import type { blueGreenKeepBlue, KeptBlue } from '../../src/workflows/keep-blue.ts';
import { eventually } from '../processes/support.ts';
import { type LittleProduction, startLittleProduction, WITH_STOP } from '../support/little-production.ts';
import {
  type DeploymentHandle,
  keepHistory,
  observe,
  rolledBack,
  start,
  type TestDeployment,
  uniqueQueue,
  uniqueService,
  useTemporal,
} from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** A rollback of its own, after the deployment has ended: real commands, real histories, a real worker. */

const temporal = useTemporal();

interface Scene {
  readonly production: LittleProduction;
  /** Starts the deployment of 2.5.0, which waits for nobody. */
  deploy(request?: { readonly checklistOnly?: true; readonly version?: string }): Promise<TestDeployment>;
  /** Starts a rollback without naming a run. */
  rollback(request?: Partial<RollbackRequest>): Promise<WorkflowHandle<typeof blueGreenRollback>>;
  keeper(): WorkflowHandle<typeof blueGreenKeepBlue>;
  /** Another wait instead of the one that runs. */
  keepInstead(kept: KeptBlue): Promise<WorkflowHandle<typeof blueGreenKeepBlue>>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function startScene(changes: Record<string, unknown> = {}): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = uniqueQueue();
  const production = await startLittleProduction(service, {
    checklist: [],
    traffic: [{ percentage: 100, soak: '1s' }],
    recovery: { guard: '1s' },
    workload: WITH_STOP,
    ...changes,
  });
  closing.push(production.stop);
  const worker = startWorkerProcess(taskQueue, production.env);
  closing.push(() => worker.kill('SIGKILL'));
  const client = temporal.client();
  const ending = (handle: { terminate(reason: string): Promise<unknown> }) =>
    closing.push(async () => {
      await handle.terminate('the test is over').catch(() => {});
    });
  return {
    production,
    deploy: async (request) => {
      const handle = await start(client, taskQueue, { service, version: '2.5.0', ...request });
      ending(handle);
      return observe(handle);
    },
    rollback: async (request) => {
      const handle = await client.workflow.start<typeof blueGreenRollback>('blueGreenRollback', {
        taskQueue,
        workflowId: deploymentWorkflowId(service),
        args: [{ service, requestedBy: 'ana', reason: 'checkout fails', ...request }],
      });
      ending(handle);
      return handle;
    },
    keepInstead: (kept) =>
      client.workflow.start<typeof blueGreenKeepBlue>('blueGreenKeepBlue', {
        taskQueue,
        workflowId: keepBlueWorkflowId(service, 'production'),
        workflowIdConflictPolicy: 'TERMINATE_EXISTING',
        args: [kept],
      }),
    keeper: () => client.workflow.getHandle<typeof blueGreenKeepBlue>(keepBlueWorkflowId(service, 'production')),
  };
}

async function refused(handle: WorkflowHandle<typeof blueGreenRollback>): Promise<string> {
  const { type, message, report } = await rolledBack(handle as unknown as DeploymentHandle);
  expect({ type, outcome: report.outcome }).toEqual({ type: FAILURE.InvalidRequest, outcome: 'refused' });
  return message;
}

test('after a completed deployment, going back is one shift to the blue that was kept; a second time it is refused', async () => {
  const { production, deploy, rollback, keeper } = await startScene({ keepBlue: '1h' });
  const deployment = await deploy();
  const { runId } = await deployment.handle.describe();
  const deployed = await deployment.handle.result();
  const until = (await deployment.status()).blueKeptUntil ?? 0;
  expect(until - Date.now()).toBeGreaterThan(3_500_000);
  expect(deployed.summary).toContain('2.4.0 is kept until');
  expect(production.share()).toBe(1);
  expect((await keeper().describe()).status.name).toBe('RUNNING');

  const going = await rollback();
  const report = await going.result();
  expect(report).toMatchObject({
    outcome: 'rolled-back',
    version: '2.5.0',
    blue: '2.4.0',
    undoes: { run: runId, closed: 'completed' },
    rollback: { cause: 'requested', withinTarget: true, recovered: { requests: expect.any(Number) } },
  });
  expect(report.summary).toMatch(
    /2\.5\.0 was rolled back to 2\.4\.0: Requested by ana: checkout fails\. Recovery took [\d.]+ s/,
  );
  expect(production.share()).toBe(0);
  expect(production.audit.map(({ command, argument }) => `${command} ${argument}`).slice(-2)).toEqual([
    `rollback ${report.service}`,
    'stop 2.5.0',
  ]);
  expect(production.isStopped('2.4.0')).toBe(false);
  const { status, searchAttributes } = await going.describe();
  expect(status.name).toBe('COMPLETED');
  expect(searchAttributes).toMatchObject({ BlueGreenVersion: ['2.4.0'], BlueGreenPhase: ['rolled-back'] });
  expect((await keeper().describe()).status.name).toBe('CANCELLED');
  await keepHistory('rollback-after-completed', going as unknown as DeploymentHandle);

  const again = await eventually(async () => {
    const message = await refused(await rollback());
    return message.includes('already') ? message : undefined;
  });
  expect(again).toContain('was rolled back from 2.5.0 to 2.4.0 already');
  expect(again).toContain('bluegreen start');
});

test('after a termination between the shifts, all traffic goes back, past refused starts and checklists since', async () => {
  const { production, deploy, rollback } = await startScene({
    traffic: [
      { percentage: 50, soak: '1s', approval: {} },
      { percentage: 100, soak: '1s' },
    ],
  });
  const deployment = await deploy();
  await deployment.untilPhase('awaiting-approval');
  const { runId } = await deployment.handle.describe();
  await deployment.handle.terminate('by mistake');
  expect(production.share()).toBe(0.5);
  const refusedStart = await deploy();
  expect((await rolledBack(refusedStart.handle)).message).toContain('go back with bluegreen rollback');

  // Temporal lists what has ended a moment later.
  const report = await eventually(async () => (await rollback()).result());
  expect(report).toMatchObject({ outcome: 'rolled-back', undoes: { run: runId, closed: 'terminated' } });
  expect(production.share()).toBe(0);
  expect(production.isStopped('2.5.0')).toBe(true);

  // A checklist changes nothing: before it is still the rollback.
  expect((await (await deploy({ checklistOnly: true })).handle.result()).outcome).toBe('completed');
  expect(await refused(await rollback())).toContain('already');
});

test('after a termination before the first shift, green is stopped and the traffic checked', async () => {
  const { production, deploy, rollback } = await startScene();
  production.misbehave('deploy', 'hang', 1);
  const deployment = await deploy();
  await eventually(() => (production.audit.some(({ command }) => command === 'deploy') ? true : undefined));
  const { runId } = await deployment.handle.describe();
  await deployment.handle.terminate('by mistake');
  const report = await eventually(async () => (await rollback({ run: runId })).result());
  expect(report).toMatchObject({ outcome: 'rolled-back', undoes: { run: runId, closed: 'terminated' } });
  expect(production.share()).toBe(0);
  expect(production.isStopped('2.5.0')).toBe(true);
});

test('blue is retired when its time is over; then a rollback is refused and names the deployment that it takes', async () => {
  const { production, deploy, rollback, keeper } = await startScene({ keepBlue: '1s' });
  await (await deploy()).handle.result();
  expect((await keeper().result()).retiredAt).toBeGreaterThan(0);
  expect(production.audit.map(({ command, argument }) => `${command} ${argument}`).at(-1)).toBe('stop 2.4.0');
  expect(production.isStopped('2.5.0')).toBe(false);
  const message = await eventually(async () => {
    const said = await refused(await rollback({ force: true }));
    return said.includes('no history') ? undefined : said;
  });
  expect(message).toContain('2.4.0 was retired');
  expect(message).toMatch(/bluegreen start --service \S+ --version 2\.4\.0$/);
  expect(production.share()).toBe(1);
});

test('blue that has traffic is never retired, and with all of it there is nothing to go back from', async () => {
  const { production, deploy, rollback, keepInstead } = await startScene({ keepBlue: '1h' });
  const { handle, status } = await deploy();
  const { runId } = await handle.describe();
  await handle.result();
  production.move(0);
  const { plan } = await status();
  if (!plan) throw new Error('it has no plan');
  const keeper = await keepInstead({ target: plan.target, until: Date.now(), timeoutMs: plan.deploy.timeoutMs });
  const { retiredAt, evidence } = await keeper.result();
  expect({ retiredAt, measured: evidence[0]?.measured }).toEqual({
    measured: expect.stringContaining('2.4.0 100 %'),
  });
  expect(production.isStopped('2.4.0')).toBe(false);
  expect(await refused(await rollback({ run: runId }))).toContain('2.4.0 serves already');
});

test('to an unhealthy blue it goes only with --force; the next deployment ends the wait that would retire blue', async () => {
  const { production, deploy, rollback, keeper } = await startScene({ keepBlue: '1h' });
  const { handle } = await deploy();
  const { runId } = await handle.describe();
  await handle.result();
  production.misbehave('health', 'fail');
  const message = await refused(await rollback({ run: runId }));
  expect(message).toContain('2.4.0 fails its health check');
  expect(message).toContain('--force');
  expect(production.share()).toBe(1);
  expect((await keeper().describe()).status.name).toBe('CANCELLED');
  // It is the only version that works until blue is proven healthy.
  production.fail('2.4.0', 1);
  const forced = await rollback({ run: runId, force: true });
  await eventually(() => production.share() === 0 || undefined);
  const failedUntil = production.requests('2.4.0') + 300;
  await eventually(() => production.requests('2.4.0') > failedUntil || undefined);
  expect(production.isStopped('2.5.0')).toBe(false);
  production.fail('2.4.0', 0);
  expect((await forced.result()).outcome).toBe('rolled-back');
  expect(production.share()).toBe(0);
  expect(production.isStopped('2.5.0')).toBe(true);

  production.misbehave('health', 'well');
  const again = await deploy();
  await again.handle.result();
  expect((await keeper().describe()).status.name).toBe('RUNNING');
  production.move(0); // by hand
  const third = await deploy();
  await third.untilPhase('soaking');
  expect((await keeper().describe()).status.name).toBe('CANCELLED');
});
