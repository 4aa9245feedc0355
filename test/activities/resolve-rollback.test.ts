import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { FAILURE } from '../../src/domain/errors.ts';
import type { RollbackRequest } from '../../src/domain/plan.ts';
import type { PastRun } from '../../src/temporal/past-runs.ts';
import { run } from './support/attempt.ts';
import { BLUE, GREEN, type Scene, useScenes } from './support/scene.ts';

const scene = useScenes();
const WITHOUT_STATUS = { router: { status: undefined } };

/** A deployment of this scene that was completed. */
function completed({ plan }: Scene, changes: Partial<PastRun> = {}): PastRun {
  return {
    run: 'run-1',
    closed: 'completed',
    closedAt: Date.now(),
    plan,
    percentage: 100,
    deployBegunAt: 1,
    shiftBegunAt: 2,
    forwardOnly: [],
    ...changes,
  };
}

function resolve({ activities, production: { service } }: Scene, request: Partial<RollbackRequest> = {}) {
  const workflowExecution = { workflowId: `blue-green/production/${service}`, runId: 'run-9' };
  return run(activities.resolveRollback, { service, reason: 'slow', ...request }, { workflowExecution });
}

test('it goes by the plan of the last run that deployed something, with operations of its own and no steps', async () => {
  const here = await scene();
  const refused: PastRun = { run: 'run-3', closed: 'failed', closedAt: 1, percentage: 0, forwardOnly: [] };
  const checklist: PastRun = { ...refused, run: 'run-2', closed: 'completed', plan: here.plan };
  here.past.push(refused, checklist, completed(here, { forwardOnly: ['0007_drop'] }));
  here.production.move(100);
  const found = await resolve(here);
  expect(found).toMatchObject({
    undoes: { run: 'run-1', closed: 'completed' },
    greenPercentage: 100,
    shiftBegunAt: 2,
    forwardOnly: ['0007_drop'],
    plan: { traffic: [], verifyGreen: [], checklist: { checks: [] } },
  });
  expect(found.plan.target).toEqual({
    ...here.target,
    deployment: `blue-green/production/${here.production.service}/run-9`,
  });
});

test('after the runbook was edited, it goes by the one of the deployment, or by the current one if that is asked for', async () => {
  const here = await scene();
  here.past.push(completed(here));
  here.production.move(100);
  const file = join(here.production.env['BLUEGREEN_RUNBOOKS'] ?? '', 'runbook.yaml');
  const edited = parse(await readFile(file, 'utf8')) as { recovery?: object };
  await writeFile(file, stringify({ ...edited, recovery: { ...edited.recovery, guard: '17s' } }));
  const then = await resolve(here);
  expect(then.plan.rollback).toEqual(here.plan.rollback);
  expect(then.plan.target.digest).toBe(here.target.digest);
  const now = await resolve(here, { currentRunbook: true });
  expect(now.plan.rollback).toEqual({ ...here.plan.rollback, guardMs: 17_000 });
  expect(now.plan.target).toMatchObject({ blue: BLUE, green: GREEN, deployment: then.plan.target.deployment });
  expect(now.plan.target.digest).not.toBe(here.target.digest);
});

const REFUSED: [string, (here: Scene) => void, string][] = [
  ['never deployed', () => {}, 'has no history of a deployment'],
  [
    'rolled back in the deployment itself',
    (here) => here.past.push(completed(here, { closed: 'failed', rollbackBegunAt: 3 })),
    `was rolled back from ${GREEN} to ${BLUE} already`,
  ],
  [
    'another version serves',
    (here) => {
      const target = { ...here.target, green: '2.6.0' };
      here.past.push(completed(here, { plan: { ...here.plan, target } }));
      here.production.move(100);
    },
    `found ${BLUE} 0 %, ${GREEN} 100 %, expected ${BLUE} and 2.6.0 alone`,
  ],
  [
    'blue serves again',
    (here) => here.past.push(completed(here)),
    `${BLUE} serves already, so there is nothing to go back from`,
  ],
];

test.each(REFUSED)('refused, and final: %s', async (_, prepare, message) => {
  const here = await scene();
  prepare(here);
  await expect(resolve(here)).rejects.toMatchObject({
    type: FAILURE.InvalidRequest,
    nonRetryable: true,
    message: expect.stringContaining(message),
  });
});

test('without a status command, the metrics say who serves', async () => {
  const here = await scene(WITHOUT_STATUS);
  here.past.push(completed(here));
  await expect(resolve(here)).rejects.toMatchObject({ message: expect.stringContaining(`requests of ${BLUE}`) });
  here.production.move(100);
  expect(await resolve(here)).toMatchObject({ greenPercentage: 100 });
});

test('a request that names more than it may is refused', async () => {
  const here = await scene();
  await expect(resolve(here, { version: '2.3.0' } as Partial<RollbackRequest>)).rejects.toMatchObject({
    type: FAILURE.InvalidRequest,
    message: expect.stringContaining('version'),
  });
});
