import { rm } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import type { DeploymentRequest } from '../../src/domain/plan.ts';
import { createRunbookStore } from '../../src/runbook/store.ts';
import { folderState } from '../../src/state/folder.ts';
import { until } from '../checks/support/context.ts';
import { format } from '../support/registry.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, useScenes } from './support/scene.ts';

const scene = useScenes();
const WITHOUT_STATUS = { router: { status: undefined } };

test('the version that the platform says serves is blue, and the plan names the run that made it', async () => {
  const { production, activities, plan } = await scene();
  const { service } = production;
  const workflowExecution = { workflowId: `blue-green/production/${service}`, runId: 'run-7' };
  const made = await run(activities.resolvePlan, { service, version: GREEN }, { workflowExecution });
  expect(made.target).toEqual({
    deployment: `blue-green/production/${service}/run-7`,
    service,
    environment: 'production',
    blue: BLUE,
    green: GREEN,
    digest: plan.target.digest,
  });
  expect(made.traffic).toMatchObject([{ percentage: 50, soakMs: 2_000 }, { percentage: 100 }]);
});

test('after a deployment the version that was green is blue', async () => {
  const { production, activities } = await scene();
  production.move(100);
  const { target } = await run(activities.resolvePlan, { service: production.service, version: '2.6.0' });
  expect(target).toMatchObject({ blue: GREEN, green: '2.6.0' });
});

test('the runbook of the plan stays to be had when its file is gone', async () => {
  const { production, activities } = await scene();
  const { BLUEGREEN_RUNBOOKS: directory = '', BLUEGREEN_STATE: stateDirectory = '' } = production.env;
  await rm(`${stateDirectory}/runbooks`, { recursive: true }); // what the scene itself left there
  const { target } = await run(activities.resolvePlan, { service: production.service, version: GREEN });
  await rm(`${directory}/runbook.yaml`);
  const kept = await createRunbookStore({ directory, state: folderState(stateDirectory), format }).pinned(target);
  expect(kept.service).toBe(production.service);
});

test('while the traffic is split nothing begins', async () => {
  const { production, activities } = await scene();
  production.move(50);
  await expect(run(activities.resolvePlan, { service: production.service, version: '2.6.0' })).rejects.toMatchObject({
    type: 'InvalidRequest',
    nonRetryable: true,
    message: expect.stringContaining(`is split (${BLUE} 50 %, ${GREEN} 50 %), expected one version with 100 %`),
  });
});

test.each<[string, (service: string) => unknown, string]>([
  ['a service without a runbook', () => ({ service: 'other', version: GREEN }), 'no runbook for other in production'],
  ['another environment', (service) => ({ service, version: GREEN, environment: 'staging' }), 'in staging'],
  ['a version that looks like an option', (service) => ({ service, version: '--force' }), 'request.version: found'],
  ['a key that could act', (service) => ({ service, version: GREEN, command: 'rm' }), 'unknown key "command"'],
  ['the version that serves already', (service) => ({ service, version: BLUE }), `already serves ${BLUE}`],
])('a request for %s is refused for good', async (_name, requestFor, message) => {
  const { production, activities } = await scene();
  const request = requestFor(production.service) as DeploymentRequest;
  await expect(run(activities.resolvePlan, request)).rejects.toMatchObject({
    type: 'InvalidRequest',
    nonRetryable: true,
    message: expect.stringContaining(message),
  });
});

test.each([
  ['fails', 'fail', 'router.status failed with exit code 3: the platform says no'],
  ['prints something else', 'lie', 'router.status printed "done", expected JSON'],
] as const)('a status command that %s is refused with what it said', async (_name, how, why) => {
  const { production, activities } = await scene();
  production.misbehave('status', how);
  await expect(run(activities.resolvePlan, { service: production.service, version: GREEN })).rejects.toMatchObject({
    type: 'InvalidRequest',
    message: expect.stringContaining(`which version of ${production.service} serves now: ${why}`),
  });
});

test('a router that names no version is refused with that, not as split traffic', async () => {
  const { production, activities } = await scene();
  production.misbehave('status', 'empty');
  await expect(run(activities.resolvePlan, { service: production.service, version: GREEN })).rejects.toMatchObject({
    type: 'InvalidRequest',
    message: `The router says that no version of ${production.service} serves, expected one version with 100 %.`,
  });
});

test('a worker that stops while it asks the platform refuses nothing: another one asks again', async () => {
  const { production, activities } = await scene();
  production.misbehave('status', 'hang');
  const { result, cancel } = begin(activities.resolvePlan, { service: production.service, version: GREEN });
  await until(() => production.asked('status') > 0);
  cancel({ workerShutdown: true });
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('without a status command the version that gets requests is blue', async () => {
  const { production, activities } = await scene(WITHOUT_STATUS);
  production.move(100);
  const { target } = await run(activities.resolvePlan, { service: production.service, version: '2.6.0' });
  expect(target.blue).toBe(GREEN);
  expect(production.asked('status')).toBe(0);
});

test.each([
  ['two versions get requests', 50, 200, `${BLUE} and ${GREEN}`],
  ['nobody gets any', 0, 0, 'no version'],
])('without a status command and when %s nothing begins', async (_name, percentage, requestsPerSecond, found) => {
  const { production, activities } = await scene(WITHOUT_STATUS);
  production.move(percentage);
  production.demand(requestsPerSecond);
  await expect(run(activities.resolvePlan, { service: production.service, version: '2.6.0' })).rejects.toMatchObject({
    type: 'InvalidRequest',
    message: expect.stringContaining(`fresh requests of ${found} within 3 s, expected exactly one. Add router.status`),
  });
});
