import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { confirmApprovals } from '../../src/activities/confirm-approvals.ts';
import { readPrincipals } from '../../src/temporal/principals.ts';
import * as messages from '../../src/workflows/messages.ts';
import { observe, start, testBundle, uniqueQueue, uniqueService } from '../support/temporal.ts';
import { world } from '../support/world.ts';
import { type AuthenticatingServer, builtServer, startAuthenticatingServer } from './authenticating-server.ts';

const program = builtServer();
if (program === undefined)
  process.stderr.write('Skipped: tests that need the server that bench/temporal-server/build.sh builds.\n');

(program === undefined ? describe.skip : describe)('a server that authenticates people', () => {
  let server: AuthenticatingServer;
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    server = await startAuthenticatingServer(program ?? '');
  }, 120_000);
  afterAll(() => server.stop());

  test('identity: principal counts the approval of the person who sent it, and no other', async () => {
    const connection = await server.connectWorker('worker');
    const { activities } = world({
      plan: (plan) => ({
        ...plan,
        searchAttributes: [],
        traffic: plan.traffic.map((step) => ({
          ...step,
          ...(step.approval && {
            approval: { ...step.approval, identity: 'principal', approvers: ['ana', 'ben', 'ci'], notRequester: true },
          }),
        })),
      }),
      activities: {
        confirmApprovals: confirmApprovals({
          env: {},
          principals: (own, signalName) => readPrincipals({ connection, namespace: 'default' }, own, signalName),
        }),
      },
    });
    const taskQueue = uniqueQueue();
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: { codePath: testBundle() },
      activities,
      debugMode: true,
    });
    const [ci, ana, eve] = await Promise.all(['ci', 'ana', 'eve'].map((person) => server.connect(person)));
    if (!ci || !ana || !eve) throw new Error('three people connect');
    const request = { service: uniqueService(), version: '2.5.0', requestedBy: 'the pipeline' };
    await worker.runUntil(async () => {
      const handle = await start(new Client({ connection: ci }), taskQueue, request);
      const { until, untilPhase } = observe(handle);
      await untilPhase('awaiting-approval');
      const as = (person: typeof ci) => new Client({ connection: person }).workflow.getHandle(handle.workflowId);

      const refused = as(ana).executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'ana' }] });
      await expect(refused).rejects.toThrow(WorkflowUpdateFailedError);
      await as(eve).signal(messages.approve, { by: 'ana' });
      await as(ci).signal(messages.approve, { by: 'ci' });
      const { decisions } = await until((status) => status.decisions.length === 2);
      expect(decisions.map(({ why }) => why)).toEqual([
        'the approval in the name of ana was sent by eve',
        'ci started this deployment, and the runbook wants somebody else to approve (notRequester)',
      ]);

      await as(ana).signal(messages.approve, { by: 'Ana' });
      const report = await handle.result();
      expect(report.steps[0]?.gate?.approvedBy).toEqual(['Ana']);
    });
    for (const one of [ci, ana, eve]) await one.close();
    await connection.close();
  });
});
