import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { FAILURE } from '../../src/domain/errors.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import type { DeploymentStatus } from '../../src/domain/status.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, type TestDeployment, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { CHECKS, failed, passed, world } from '../support/world.ts';
import { useCommandLine } from './command-line.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();

function serviceOf({ handle }: TestDeployment): string {
  return handle.workflowId.split('/').at(-1) ?? '';
}

test('start, attest and approve bring a deployment to its end; watch tells it line by line and ends with 0', async () => {
  const service = uniqueService();
  await temporal.serve(world({ checks: [CHECKS.person, CHECKS.critical] }).activities, async (taskQueue) => {
    const started = await bluegreen(
      ['start', '--service', service, '--version', '2.5.0', '--by', 'ana', '--reason', 'new query pattern'],
      { BLUEGREEN_TASK_QUEUE: taskQueue },
    ).ended;
    expect(started).toMatchObject({ exitCode: EXIT.ok, err: '' });
    expect(started.out).toContain(`Started: ${service} 2.5.0 to production.`);
    expect(started.out).toContain(`npm run bluegreen -- watch --service ${service}\n`);
    expect(started.out).toContain('Accepted: 2.4.0 serves now; 2.5.0 begins with 2 checks.\n');

    const watching = bluegreen(['watch', '--service', service]);
    await watching.prints('check load-test: waiting: a person has to confirm it');
    const attested = await bluegreen(['attest', '--service', service, '--check', 'load-test', '--by', 'ben']).ended;
    expect(attested.exitCode).toBe(EXIT.ok);
    expect(attested.out).toMatch(/^Accepted: attest by ben \(decision [\w-]+\)\. It is recorded with your name\.\n$/);

    await watching.prints('shift-to-100 needs 1 approval; no answer in time rolls back');
    const approved = await bluegreen(['approve', '--service', service, '--by', 'ana', '--reason', 'looks good']).ended;
    expect(approved.exitCode).toBe(EXIT.ok);
    expect(approved.out).toMatch(/^Accepted: approve by ana .* It takes effect at the next healthy verdict\.\n$/);

    const { exitCode, out } = await watching.ended;
    expect(exitCode).toBe(EXIT.ok);
    const said = out.split('\n').map((line) => line.replace(/^\d\d:\d\d {2}/, ''));
    const telling = [
      'check indexes: passed: as required',
      'check load-test: attested: confirmed by ben',
      'waiting for approval at 50 % (blue 2.4.0 50 %, green 2.5.0 50 %)',
      'decision: approve by ana: looks good',
      'gate shift-to-100 passed, approved by ana',
      'soak at 100 % proven healthy',
      `COMPLETED  ${service} 2.5.0 serves all traffic in production and kept its limits to the end.`,
      `  what       ${service} 2.4.0 -> 2.5.0 in production`,
      '  asked by   ana: new query pattern',
    ];
    for (const line of telling) expect(said.filter((one) => one === line)).toEqual([line]);
  });
});

test('one deployment at a time: a second start is refused, shows the first, and how to follow or end it', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const service = serviceOf(deployment);
    await deployment.untilPhase('awaiting-approval');
    const second = await bluegreen(['start', '--service', service, '--version', '2.6.0']).ended;
    expect(second.exitCode).toBe(EXIT.underWay);
    expect(second.out).toBe('');
    expect(second.err).toContain(`Not started: a deployment of ${service} in production is already running`);
    expect(second.err).toContain(`${service} 2.5.0 to production\n  phase      waiting for approval at 50 %`);
    expect(second.err).toContain(`Watch it:   npm run bluegreen -- watch --service ${service}\n`);
    expect(second.err).toContain(`End it:     npm run bluegreen -- abort --service ${service} --reason "..."\n`);
    expect((await deployment.status()).version).toBe('2.5.0');
  });
});

test('status shows all there is to know; --json is what the query answers; nothing in it rewrites a terminal', async () => {
  const { activities } = world({
    checks: [CHECKS.ordinary],
    activities: { runCheck: async () => passed('200 \u001b[2Jconnections') },
  });
  await temporal.deploy(activities, async (deployment) => {
    const service = serviceOf(deployment);
    await deployment.handle.signal(messages.approve, { by: 'eve\u001b]0;root\u0007', reason: 'now\r\u009b31m' });
    await deployment.untilPhase('awaiting-approval');
    const [human, json] = await Promise.all([
      bluegreen(['status', '--service', service]).ended,
      bluegreen(['status', '--service', service, '--json']).ended,
    ]);
    expect(human).toMatchObject({ exitCode: EXIT.ok, err: '' });
    for (const part of [
      `${service} 2.5.0 to production\n`,
      '  phase      waiting for approval at 50 %, for ',
      '  traffic    blue 2.4.0 50 %, green 2.5.0 50 %\n',
      '  path       ✓ resolved  ✓ checklist  ✓ deploy  ✓ 50 % ',
      '  · 100 %  · done\n',
      'Waits for 1 approval for shift-to-100\n',
      '  unblocked by approve, reject or abort; no answer in time rolls back\n',
      'Checklist  1 of 1 (1 passed)\n  ✓ Validate database connection pool sizing: 200  [2Jconnections\n',
      '  gate shift-to-100: 0 of 1 approval, open for ',
      'approve by eve ]0;root : now  31m (ignored: no gate is open; the deployment is ',
    ])
      expect(human.out).toContain(part);

    expect(json).toMatchObject({ exitCode: EXIT.ok, err: '' });
    const status = JSON.parse(json.out) as DeploymentStatus;
    expect(status).toMatchObject({ service, phase: 'awaiting-approval', greenPercentage: 50, waitingFor: {} });
    expect(status.steps[0]?.windows[0]?.verdict).toBe('healthy');
  });
});

test('a rejected release ends as rolled back, with 10; its status tells how, and nothing is left to decide', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const at = ['--service', serviceOf(deployment)];
    const watching = bluegreen(['watch', ...at]);
    await watching.prints('shift-to-100 needs 1 approval');
    const rejected = await bluegreen(['reject', ...at, '--by', 'ana', '--reason', 'the dashboards look wrong']).ended;
    expect(rejected.exitCode).toBe(EXIT.ok);
    expect(rejected.out).toMatch(
      /^Accepted: reject by ana .* The deployment ends, and what it has changed is rolled back\.\n$/,
    );

    const { exitCode, out } = await watching.ended;
    expect(exitCode).toBe(EXIT.rolledBack);
    expect(out).toMatch(/^ROLLED BACK {2}.* was rolled back to 2\.4\.0: Rejected by ana: the dashboards look wrong\./m);
    expect(out).toMatch(/recovery time: \d+\.\d s, target 1 m 30 s \(within it\)/);

    const [late, status] = await Promise.all([
      bluegreen(['approve', ...at, '--by', 'ben']).ended,
      bluegreen(['status', ...at]).ended,
    ]);
    expect(late).toEqual({
      exitCode: EXIT.notTaken,
      out: '',
      err: `Refused: ${deployment.handle.workflowId} has ended; there is nothing left to decide.\n`,
    });
    expect(status.out).toContain('  phase      rolled back, since ');
    expect(status.out).toContain('\nRollback\n  Rejected by ana: the dashboards look wrong.\n');
    expect(status.out).toContain('  gate shift-to-100: 0 of 1 approval, not passed\n');
  });
});

test('how a deployment was ended from outside is told apart: cancelled 12, terminated 13 with a warning', async () => {
  const { activities } = world();
  await temporal.deploy(activities, (cancelled) =>
    temporal.deploy(activities, async (terminated) => {
      const watching = [cancelled, terminated].map((one) => bluegreen(['watch', '--service', serviceOf(one)]));
      await Promise.all(watching.map((one) => one.prints('shift-to-100 needs 1 approval')));
      await cancelled.handle.cancel();
      await terminated.handle.terminate('mistaken');

      const [rolledBack, left] = await Promise.all(watching.map((one) => one.ended));
      expect(rolledBack?.out).toMatch(
        /^CANCELLED {2}.* was rolled back to 2\.4\.0: Cancelled while awaiting-approval\./m,
      );
      expect(rolledBack?.exitCode).toBe(EXIT.cancelled);
      expect(left?.out).toMatch(
        /^ENDED BY FORCE {2}The workflow was terminated: NOTHING WAS ROLLED BACK\. Green had 50 % of the traffic\./m,
      );
      expect(left?.exitCode).toBe(EXIT.endedByForce);
    }),
  );
});

test('start --watch ends as the deployment does: refused is 11, and says that nothing was deployed', async () => {
  const { activities, asked } = world({
    activities: {
      resolvePlan: async () => {
        throw ApplicationFailure.nonRetryable('no runbook for it in staging', FAILURE.InvalidRequest);
      },
    },
  });
  const service = uniqueService();
  await temporal.serve(activities, async (taskQueue) => {
    const { exitCode, out } = await bluegreen(
      ['start', '--service', service, '--version', '2.5.0', '--environment', 'staging', '--watch'],
      { BLUEGREEN_TASK_QUEUE: taskQueue },
    ).ended;
    expect(out).toContain(`watch --service ${service} --environment staging\n`);
    expect(out).toMatch(/^REFUSED {2}no runbook for it in staging$/m);
    expect(exitCode).toBe(EXIT.refused);
    expect(asked).toEqual(['report refused']);
  });
});

test('start alone fails with 11 and the reason where a worker refuses the deployment', async () => {
  const [service, taskQueue] = [uniqueService(), uniqueQueue()];
  const production = await startLittleProduction(service);
  const worker = startWorkerProcess(taskQueue, production.env);
  try {
    const env = { BLUEGREEN_TASK_QUEUE: taskQueue };
    const start = (...words: string[]) => bluegreen(['start', ...words], env).ended;
    const same = await start('--service', service, '--version', '2.4.0');
    expect(same.exitCode).toBe(EXIT.refused);
    expect(same.err).toMatch(/^Refused: .*2\.4\.0/);
    expect(same.out).not.toContain('Accepted');
    const unknown = await start('--service', `${service}-x`, '--version', '2.5.0');
    expect(unknown.exitCode).toBe(EXIT.refused);
    expect(unknown.err).toMatch(/^Refused: .*runbook/);
  } finally {
    await worker.kill('SIGKILL');
    await production.stop();
  }
});

test('without a worker start says so after a while with 8, and --no-wait leaves at once', async () => {
  const [service, other] = [uniqueService(), uniqueService()];
  const env = { BLUEGREEN_TASK_QUEUE: uniqueQueue() };
  const [waits, leaves, checks] = await Promise.all([
    bluegreen(['start', '--service', service, '--version', '2.5.0'], env).ended,
    bluegreen(['start', '--service', other, '--version', '2.5.0', '--no-wait'], env).ended,
    bluegreen(['check', '--service', uniqueService(), '--version', '2.5.0'], env).ended,
  ]);
  expect(waits.exitCode).toBe(EXIT.notAccepted);
  expect(waits.err).toMatch(/^Started, but not accepted within 30 s: no worker answers\. Start a worker \(/);
  expect(waits.err).toContain(`the task queue "${env.BLUEGREEN_TASK_QUEUE}"`);
  expect(waits.err).toContain(`npm run bluegreen -- abort --service ${service} --reason "..." --signal\n`);
  expect(checks.exitCode).toBe(EXIT.notAccepted);
  expect(leaves).toMatchObject({ exitCode: EXIT.ok, err: '' });
  expect(leaves.out).toContain(`Started: ${other} 2.5.0 to production.`);
  for (const one of [service, other]) await temporal.client().workflow.getHandle(deploymentWorkflowId(one)).terminate();
});

test('check runs the checklist alone: 0 when all of it passed, 11 when something did not; nothing is deployed', async () => {
  let fixed = false;
  const { activities, asked } = world({
    checks: [CHECKS.critical, CHECKS.ordinary],
    activities: { runCheck: async ({ checkId }) => (checkId === 'indexes' && !fixed ? failed() : passed()) },
  });
  await temporal.serve(activities, async (taskQueue) => {
    const service = uniqueService();
    const check = () =>
      bluegreen(['check', '--service', service, '--version', '2.5.0'], { BLUEGREEN_TASK_QUEUE: taskQueue }).ended;
    const before = await check();
    expect(before.exitCode).toBe(EXIT.refused);
    expect(before.out).toContain('check indexes: failed: too few connections; to unblock: raise max_connections\n');
    expect(before.out).toContain(
      '✗ Create indexes for new query patterns (critical): too few connections\n      to unblock: raise max_connections\n',
    );
    fixed = true;
    const after = await check();
    expect(after).toMatchObject({ exitCode: EXIT.ok, err: '' });
    expect(after.out).toContain(
      `COMPLETED  The checklist for ${service} 2.5.0 in production is passed. Nothing was deployed.`,
    );
    expect(asked.filter((one) => !/^(check|report) /.test(one))).toEqual([]);
  });
});

test.each(['failed', 'unmeasured'] as const)('status of a check that is %s says what to do', async (outcome) => {
  const result = { ...failed('the role may not see all sessions'), unblock: 'GRANT pg_read_all_stats TO "check";' };
  const runCheck = async () => (outcome === 'failed' ? result : { ...result, unmeasured: true as const });
  await temporal.deploy(
    world({ checks: [CHECKS.ordinary], activities: { runCheck } }).activities,
    async (deployment) => {
      await deployment.until(({ checks }) => checks.some((check) => check.outcome === outcome));
      const { out } = await bluegreen(['status', '--service', serviceOf(deployment)]).ended;
      expect(out).toMatch(/^ {6}\S+, to unblock: GRANT pg_read_all_stats TO "check";$/m);
    },
  );
});

test('check --wait leaves what has not passed to people', async () => {
  await temporal.serve(world({ checks: [CHECKS.person] }).activities, async (taskQueue) => {
    const service = uniqueService();
    const checking = bluegreen(['check', '--service', service, '--version', '2.5.0', '--wait'], {
      BLUEGREEN_TASK_QUEUE: taskQueue,
    });
    await checking.prints('check load-test: waiting: a person has to confirm it');
    await bluegreen(['attest', '--service', service, '--check', 'load-test', '--by', 'ana']).ended;
    expect((await checking.ended).exitCode).toBe(EXIT.ok);
  });
});

test('Ctrl-C, and a reader that goes away, end the watching and not the deployment', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const service = serviceOf(deployment);
    const interrupted = bluegreen(['watch', '--service', service]);
    const unread = bluegreen(['watch', '--service', service]);
    await Promise.all([interrupted, unread].map((one) => one.prints('shift-to-100 needs 1 approval')));
    interrupted.interrupt();
    unread.stopReading();
    expect(await interrupted.ended).toMatchObject({
      exitCode: EXIT.interrupted,
      err: `The deployment continues. Watch it again: npm run bluegreen -- watch --service ${service}\n`,
    });
    expect((await deployment.status()).phase).toBe('awaiting-approval');
    // The next thing to say finds nobody.
    await deployment.handle.signal(messages.approve, { by: 'ana' });
    expect(await unread.ended).toMatchObject({ exitCode: EXIT.ok, err: '' });
    expect((await deployment.handle.result()).outcome).toBe('completed');
  });
});

test('list shows deployments with their phase, the newest first; --open only those under way, --phase those in one phase', async () => {
  const service = uniqueService();
  await temporal.serve(world().activities, async (taskQueue) => {
    const start = (environment: string, args: object) =>
      temporal.client().workflow.start<typeof blueGreenDeployment>('blueGreenDeployment', {
        taskQueue,
        workflowId: deploymentWorkflowId(service, environment),
        args: [{ service, version: '2.5.0', environment, ...args }],
      });
    const ended = await start('staging', {});
    await observe(ended).untilPhase('awaiting-approval');
    await ended.signal(messages.abort, { by: 'ana' });
    await ended.result().catch(() => {});
    const open = await start('production', {});
    await observe(open).untilPhase('awaiting-approval');
    await untilListed(`BlueGreenService = '${service}' AND BlueGreenPhase IN ('rolled-back', 'awaiting-approval')`, 2);

    const [all, newest, underWay, waiting, back] = await Promise.all([
      bluegreen(['list', '--service', service]).ended,
      bluegreen(['list', '--service', service, '--limit', '1', '--json']).ended,
      bluegreen(['list', '--service', service, '--open', '--json']).ended,
      bluegreen(['list', '--service', service, '--phase', 'awaiting-approval', '--json']).ended,
      bluegreen(['list', '--service', service, '--phase', 'rolled-back', '--json']).ended,
    ]);
    expect(JSON.parse(back.out)).toMatchObject([{ runId: ended.firstExecutionRunId }]);
    const [head, ...rows] = all.out.trimEnd().split('\n');
    expect(head).toMatch(/^SERVICE +ENVIRONMENT +VERSION +PHASE +STARTED +TOOK$/);
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 4))).toEqual([
      [service, 'production', '2.5.0', 'awaiting-approval'],
      [service, 'staging', '2.5.0', 'rolled-back'],
    ]);
    for (const json of [newest, underWay, waiting])
      expect(JSON.parse(json.out)).toMatchObject([
        { service, environment: 'production', state: 'RUNNING', runId: open.firstExecutionRunId },
      ]);
    await open.terminate();
  });
});

test('list says where no worker is there for a deployment that runs', async () => {
  const [attended, alone] = [uniqueService(), uniqueService()];
  const start = (taskQueue: string, service: string) =>
    temporal.client().workflow.start<typeof blueGreenDeployment>('blueGreenDeployment', {
      taskQueue,
      workflowId: deploymentWorkflowId(service, 'production'),
      args: [{ service, version: '2.5.0' }],
    });
  await temporal.serve(world().activities, async (taskQueue) => {
    const watched = await start(taskQueue, attended);
    const waiting = await start(`nobody-${alone}`, alone);
    await observe(watched).untilPhase('awaiting-approval');
    await untilListed(`WorkflowId IN ('${watched.workflowId}', '${waiting.workflowId}')`, 2);
    const listed = async (service: string, ...words: string[]) =>
      (await bluegreen(['list', '--service', service, ...words]).ended).out;
    expect(await listed(attended)).not.toMatch(/No worker/);
    expect(JSON.parse(await listed(attended, '--json'))).toMatchObject([{ hasWorker: true }]);
    expect(await listed(alone)).toContain(
      `No worker takes work from the task queue "nobody-${alone}": nothing is watched there. Start one (npm`,
    );
    expect(JSON.parse(await listed(alone, '--json'))).toMatchObject([{ hasWorker: false }]);
    await Promise.all([watched.terminate(), waiting.terminate()]);
    await untilListed(`WorkflowId = '${waiting.workflowId}' AND ExecutionStatus = 'Terminated'`, 1);
    expect(await listed(alone)).not.toMatch(/No worker/);
  });
});

test('list tells a checklist from a release, and a refused deployment keeps its version and its end', async () => {
  const service = uniqueService();
  const { activities } = world({
    activities: {
      resolvePlan: async (request) => {
        if (request.version === '9.9.9') throw ApplicationFailure.nonRetryable('no runbook', FAILURE.InvalidRequest);
        return world().activities.resolvePlan(request);
      },
    },
  });
  await temporal.serve(activities, async (taskQueue) => {
    const run = (request: object) =>
      temporal.client().workflow.start<typeof blueGreenDeployment>('blueGreenDeployment', {
        taskQueue,
        workflowId: deploymentWorkflowId(service),
        args: [{ service, version: '2.5.0', ...request }],
      });
    const refused = await run({ version: '9.9.9', requestedBy: 'ana' });
    await refused.result().catch(() => {});
    await (await run({ checklistOnly: true })).result();
    await untilListed(`WorkflowId = '${deploymentWorkflowId(service)}' AND ExecutionStatus != 'Running'`, 2);

    const list = async (...words: string[]) => {
      const { out } = await bluegreen(['list', '--service', service, '--json', ...words]).ended;
      return JSON.parse(out) as { version: string; phase: string }[];
    };
    const all = await list();
    expect(all).toMatchObject([
      { version: '2.5.0', phase: 'checklist-passed' },
      { version: '9.9.9', phase: 'refused', requestedBy: 'ana', closedAt: expect.any(Number) },
    ]);
    expect(await list('--phase', 'completed')).toEqual([]);
    expect(await list('--phase', 'checklist-passed', '--limit', '1')).toEqual(all.slice(0, 1));
    expect(await list('--phase', 'refused', '--environment', 'production')).toEqual(all.slice(1));
    const { out } = await bluegreen(['history', '--service', service]).ended;
    expect(out).toMatch(/9\.9\.9 +refused +\S+ \S+ +- +ana/);
  });
});

test('link leads to the deployment that is under way', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const { workflowId } = deployment.handle;
    const link = () => bluegreen(['link', '--service', serviceOf(deployment), '--version', '2.6.0']).ended;
    const { runId } = await deployment.handle.describe();
    const page = `http://localhost:8233/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}\n`;
    const open = await link();
    expect(open.out).toContain(`A deployment is running; Temporal refuses another until it has ended:\n  ${page}`);
    expect(open).toMatchObject({ exitCode: EXIT.ok, err: '' });
    await deployment.handle.terminate();
    expect((await link()).out).not.toContain('is running');
  });
});

test('history tells how each past deployment of a service ended, the newest first, without a worker', async () => {
  const service = uniqueService();
  const workflowId = deploymentWorkflowId(service);
  const start = (taskQueue: string, args: object) =>
    temporal.client().workflow.start<typeof blueGreenDeployment>('blueGreenDeployment', {
      taskQueue,
      workflowId,
      args: [{ service, version: '2.5.0', ...args }],
    });
  await temporal.serve(world().activities, async (taskQueue) => {
    const checked = await start(taskQueue, { checklistOnly: true });
    await checked.result();
    const rejected = await start(taskQueue, { requestedBy: 'ana', reason: 'new query pattern' });
    await observe(rejected).untilPhase('awaiting-approval');
    await rejected.signal(messages.reject, { by: 'ben' });
    await rejected.result().catch(() => {});
    const killed = await start(taskQueue, { version: '2.5.1', requestedBy: 'eve\u001b[2J' });
    await observe(killed).untilPhase('awaiting-approval');
    await killed.terminate();
    const open = await start(taskQueue, { version: '2.6.0' });
    await observe(open).untilPhase('awaiting-approval');
    await untilListed(`WorkflowId = '${workflowId}' AND ExecutionStatus != 'Running'`, 3);
  });

  const [all, newest, none] = await Promise.all([
    bluegreen(['history', '--service', service]).ended,
    bluegreen(['history', '--service', service, '--limit', '2', '--json']).ended,
    bluegreen(['history', '--service', service, '--environment', 'staging']).ended,
  ]);
  await temporal.client().workflow.getHandle(workflowId).terminate();
  const [head, ...rows] = all.out.trimEnd().split('\n');
  expect(head).toMatch(/^STARTED +VERSION +OUTCOME +TOOK +RECOVERY +BY$/);
  expect(
    rows.map((row) =>
      row
        .replace(/\d+(\.\d)? s/g, 'N s')
        .split(/ {2,}/)
        .slice(1),
    ),
  ).toEqual([
    ['2.5.1', 'terminated', 'N s', '-', 'eve [2J'],
    ['2.4.0 -> 2.5.0', 'rolled-back', 'N s', 'N s', 'ana'],
    ['2.4.0 -> 2.5.0', 'checklist-passed', 'N s', '-', '-'],
  ]);
  expect(JSON.parse(newest.out)).toMatchObject([
    { version: '2.5.1', outcome: 'terminated', summary: expect.stringContaining('NOTHING WAS ROLLED BACK') },
    { outcome: 'rolled-back', reason: 'new query pattern', withinTarget: true, recoveryMs: expect.any(Number) },
  ]);
  expect(none).toEqual({
    exitCode: EXIT.ok,
    out: `No past deployment of ${service} in staging. To see a running one: npm run bluegreen -- status --service ${service} --environment staging\n`,
    err: '',
  });
});

/** The list is kept beside the workflows and follows them a little later. */
async function untilListed(query: string, number: number): Promise<void> {
  while ((await temporal.client().workflow.count(query)).count < number)
    await new Promise((resolve) => setTimeout(resolve, 100));
}
