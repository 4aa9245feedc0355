import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import { queueWorkflowId } from '../../src/domain/queue.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import { eventually } from '../processes/support.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { observe, rolledBack, start, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { useCommandLine } from './command-line.ts';

/** The commands, the worker as a process of its own, and a freeze that Temporal itself keeps. */

const temporal = useTemporal();
const bluegreen = useCommandLine();

const service = uniqueService();
const environment = uniqueService(); // nobody else's deployments may be frozen
const workflowId = deploymentWorkflowId(service, environment);
const taskQueue = uniqueQueue();
const env = { BLUEGREEN_TASK_QUEUE: taskQueue };
const whole = ['--environment', environment];
const own = [...whole, '--service', service];
let production: LittleProduction;
let worker: WorkerProcess;
beforeAll(async () => {
  production = await startLittleProduction(service, {
    environment,
    checklist: [],
    onFreeze: { override: ['ana'] },
    traffic: [
      { percentage: 50, soak: '500ms', approval: {} },
      { percentage: 100, soak: '500ms' },
    ],
  });
  worker = startWorkerProcess(taskQueue, production.env);
});
afterAll(async () => {
  await worker.kill('SIGKILL');
  await production.stop();
});

const said = async (...words: string[]) => {
  const { exitCode, out, err } = await bluegreen(words, env).ended;
  return { exitCode, text: out + err };
};
const handle = () => temporal.client().workflow.getHandle<typeof blueGreenDeployment>(workflowId);

test('the line is stopped, seen, kept from stopping twice, and thawed; what was held goes on', async () => {
  expect(await said('thaw', ...whole)).toMatchObject({ exitCode: EXIT.notFound });
  const frozen = await said('freeze', ...whole, '--by', 'eve', '--reason', 'the database is slow');
  expect(frozen).toMatchObject({ exitCode: EXIT.ok, text: expect.stringContaining(`Frozen: ${environment}.`) });
  expect(frozen.text).toContain(`Temporal knows no deployment of any service in ${environment}: check the name.`);
  expect(await said('freeze', ...whole, '--by', 'bob', '--reason', 'me, too')).toMatchObject({
    exitCode: EXIT.notTaken,
    text: expect.stringMatching(
      `^Refused: the freeze of ${environment} by eve since .* UTC: the database is slow\\. End that freeze first`,
    ),
  });

  const started = await said('start', ...own, '--version', '2.5.0', '--by', 'bob');
  expect(started).toMatchObject({
    exitCode: EXIT.ok,
    text: expect.stringContaining('Accepted, and held: it waits for the end of'),
  });
  const deployment = observe(handle());
  await deployment.untilPhase('held');
  const [status, list] = await Promise.all([said('status', ...own), said('list', '--environment', environment)]);
  expect(status.text).toMatch(/HELD by a freeze/);
  expect(status.text).toMatch(
    /unblocked by thaw, override-freeze by ana, or abort; if it is still held then, it is refused/,
  );
  for (const { text } of [status, list])
    expect(text).toMatch(new RegExp(`^Frozen: the freeze of ${environment} by eve since`, 'm'));
  expect(list.text).toMatch(/ held /);
  expect(production.audit).toEqual([]);

  const thawed = await said('thaw', ...whole, '--by', 'eve');
  expect(thawed).toMatchObject({ exitCode: EXIT.ok, text: 'Thawed. Deployments that were held go on within 15 s.\n' });
  await deployment.untilPhase('awaiting-approval');

  // At the next shift: for this service alone, and overridden by somebody who may.
  const known = await said('freeze', ...own, '--by', 'eve', '--reason', 'incident 4711');
  expect(known.text).not.toContain('check the name');
  await handle().signal(messages.approve, { by: 'ana' });
  const held = await deployment.untilPhase('held');
  expect(held.held?.freezes).toMatchObject([
    { name: `${service} in ${environment}`, by: 'eve', reason: 'incident 4711' },
  ]);
  expect(production.share()).toBe(0.5);
  const refused = await said('override-freeze', ...own, '--by', 'bob', '--reason', 'hurry');
  expect(refused).toMatchObject({
    exitCode: EXIT.notTaken,
    text: expect.stringContaining('bob may not override a freeze'),
  });
  expect(await said('override-freeze', ...own, '--by', 'ana', '--reason', 'fixes 4711')).toMatchObject({
    exitCode: EXIT.ok,
  });
  expect((await handle().result()).outcome).toBe('completed');
  expect(production.share()).toBe(1);
  await said('thaw', ...own);
});

test('a start with an override by somebody who is not on the list is refused; without a freeze nobody asks', async () => {
  await said('freeze', ...own, '--by', 'eve', '--reason', 'incident 4712');
  await start(temporal.client(), taskQueue, {
    service,
    environment,
    version: '2.6.0',
    requestedBy: 'bob',
    overrideFreeze: 'hurry',
  });
  expect((await rolledBack(handle())).message).toMatch(
    /^Not started in the freeze of .* by eve since .*: incident 4712: bob may not override a freeze; the runbook allows ana/,
  );
  await said('thaw', ...own);
});

test('a freeze ends by itself; one with the wrong id says so', async () => {
  const until = Date.now() + 10_000;
  await said('freeze', ...own, '--by', 'eve', '--reason', 'a short one', '--until', new Date(until).toISOString());
  const freeze = temporal.client().workflow.getHandle(`blue-green-freeze/${environment}/${service}`);
  expect((await freeze.describe()).memo).toMatchObject({ freeze: { by: 'eve', reason: 'a short one' } });
  expect(await freeze.result()).toEqual({});
  expect(Date.now()).toBeGreaterThanOrEqual(until);

  const wrong = await temporal.client().workflow.start('blueGreenFreeze', {
    workflowId: uniqueQueue(),
    taskQueue,
    args: [{ environment, by: 'eve', reason: 'x' }],
  });
  await expect(wrong.result()).rejects.toMatchObject({
    cause: { message: expect.stringContaining(`start it with the id "blue-green-freeze/${environment}"`) },
  });
  expect(await said('freeze', ...own, '--reason', 'x', '--until', '2020-01-01T00:00Z')).toMatchObject({
    exitCode: EXIT.usage,
    text: expect.stringContaining('Expected a time to come'),
  });
  expect((await said('freeze', ...own, '--reason', 'x', '--until', '22:00')).text).toContain(
    'with its offset from UTC',
  );
});

test('what is queued is seen, replaced and removed, and starts when the service is free', async () => {
  const later = ['--at', new Date(Date.now() + 3_600_000).toISOString(), '--by', 'ana'];
  const queued = await said('start', ...own, '--version', '3.0.0', ...later);
  expect(queued).toMatchObject({ exitCode: EXIT.ok });
  expect(queued.text).toMatch(/^Queued: .* 3\.0\.0 to .* by ana, not before .* UTC \(id \w+\)\.$/m);
  const again = await said('start', ...own, '--version', '3.0.0', ...later);
  expect(again.text).toMatch(/^ {2}also there .* 3\.0\.0 to .* by ana, not before .* UTC \(id \w+\)$/m);
  const [queue, status] = await Promise.all([said('queue', ...own), said('status', ...own)]);
  expect(queue.text).toMatch(/^1\. .* 3\.0\.0 to .* by ana, not before/);
  expect(status.text).toMatch(/^Queued: .* 3\.0\.0 to /m);

  await said('freeze', ...whole, '--by', 'eve', '--reason', 'stock-taking');
  const held = await said('start', ...own, '--version', '3.2.0', ...later);
  expect(held.text).toMatch(/^ {2}frozen {5}the freeze of .* by eve since .*: stock-taking$/m);
  expect((await said('queue', ...own)).text).toMatch(/^Frozen: the freeze of .* by eve since .*: stock-taking$/m);
  await said('thaw', ...whole);

  await handle()
    .terminate()
    .catch(() => undefined); // 2.5.0 serves: it ended long ago
  expect(await said('start', ...own, '--version', '2.4.0', '--when-free', '--replace-queued')).toMatchObject({
    exitCode: EXIT.ok,
    text: expect.stringMatching(/when nothing else runs.*\n {2}replaces .* 3\.0\.0 .*\n {2}replaces .* 3\.0\.0 /),
  });
  const deployment = observe(handle());
  await eventually(async () => ((await deployment.status()).version === '2.4.0' ? true : undefined));
  expect(await said('queue', ...own)).toMatchObject({ text: expect.stringContaining('Nothing is queued') });

  const [, id = ''] =
    /\(id (\w+)\)/.exec((await said('start', ...own, '--version', '3.1.0', '--when-free')).text) ?? [];
  expect((await said('list', '--environment', environment)).text).toMatch(/^Queued: .* 3\.1\.0 to /m);
  expect(await said('queue', ...own, '--remove', id)).toMatchObject({
    exitCode: EXIT.ok,
    text: expect.stringMatching(/^Removed: .* 3\.1\.0/),
  });
  expect(await said('queue', ...own, '--remove', id)).toMatchObject({ exitCode: EXIT.notTaken });
  await handle().signal(messages.abort, { by: 'ana' });
});

test('a removal from the queue that no worker answers is not blamed on Temporal', async () => {
  const other = uniqueService();
  const queue = await temporal
    .client()
    .workflow.start('blueGreenQueue', { workflowId: queueWorkflowId({ service: other }), taskQueue: uniqueQueue() });
  expect(await said('queue', '--service', other, '--remove', '1f2e3d4c')).toMatchObject({
    exitCode: EXIT.unknown,
    text: expect.stringMatching(
      /^Unknown: no worker answers within 12 s, so it is not known whether 1f2e3d4c was removed/,
    ),
  });
  await queue.terminate();
});
