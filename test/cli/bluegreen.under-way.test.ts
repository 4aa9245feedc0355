import { expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { availableDecisions } from '../../src/domain/available-decisions.ts';
import { FAILURE } from '../../src/domain/errors.ts';
import type { PlannedCheck } from '../../src/domain/plan.ts';
import { observe, start, type TestDeployment, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { CHECKS, failed, world } from '../support/world.ts';
import { useCommandLine } from './command-line.ts';

/** What `status` and `watch` show of what an activity says in its heartbeats. */

const temporal = useTemporal();
const bluegreen = useCommandLine();

const FIXED_BY_ITSELF: PlannedCheck = { ...CHECKS.critical, remedy: { automatic: true, timeoutMs: 60_000 } };
const SINCE = new Date(Date.now() - 125_000).toISOString();
const HELD_UP = {
  check: 'indexes',
  doing: 'building the index events_kind_id (waiting for writers before build)',
  waitsFor: [
    {
      who: 'session 4242 of ana (psql from 10.0.0.7), idle in transaction',
      since: SINCE,
      toEnd: 'SELECT pg_terminate_backend(4242);',
    },
  ],
};

/** An activity that says this of itself and goes on until it is cancelled. */
function saying(details: unknown): () => Promise<never> {
  return async () => {
    const context = Context.current();
    context.heartbeat(details);
    const beat = setInterval(() => context.heartbeat(details), 50);
    try {
      return await context.cancelled;
    } finally {
      clearInterval(beat);
    }
  };
}

function of({ handle }: TestDeployment): string[] {
  return ['--service', handle.workflowId.split('/').at(-1) ?? ''];
}

test('status and watch name who holds up a remedy, since when, and what ends it', async () => {
  const { activities } = world({
    checks: [FIXED_BY_ITSELF],
    activities: { runCheck: async () => failed('no index'), runRemedy: saying(HELD_UP) },
  });
  await temporal.deploy(activities, async (deployment) => {
    await deployment.until(({ checks }) => checks[0]?.outcome === 'fixing');
    const watching = bluegreen(['watch', ...of(deployment)]);
    const asJson = bluegreen(['watch', '--json', ...of(deployment)]);
    const held = 'held up by session 4242 of ana (psql from 10.0.0.7), idle in transaction, since ';
    await watching.prints(`check indexes is ${held}`);
    await asJson.prints('"kind":"wait"');
    watching.interrupt();
    asJson.interrupt();
    const said = await watching.ended;
    expect(said.out.split('\n').filter((line) => line.includes('held up by'))).toHaveLength(1);
    const [wait] = (await asJson.ended).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; data: unknown })
      .filter(({ kind }) => kind === 'wait');
    expect(wait?.data).toEqual(HELD_UP);

    const { out } = await bluegreen(['status', ...of(deployment)]).ended;
    expect(out).toMatch(
      /its remedy runs; found: no index\n {6}now: building the index events_kind_id \(waiting for writers/,
    );
    expect(out).toMatch(
      new RegExp(
        `\\n {6}held up by session 4242 .*, since ${SINCE.slice(0, 10)} .* UTC \\(\\d+ s\\); to end it: SELECT pg_terminate_backend\\(4242\\);\\n`,
      ),
    );
    const json = JSON.parse((await bluegreen(['status', '--json', ...of(deployment)]).ended).out);
    expect(json).toMatchObject({ phase: 'checking', underWay: [{ activity: 'runRemedy', progress: HELD_UP }] });
  });
});

test('while a round of the rollback runs, status shows what keeps that round from its end, and the last one as over', async () => {
  let round = 0;
  const proving = saying({
    doing: 'waiting for the proof that 2.4.0 is healthy',
    problem: 'only 12 fresh requests yet',
  });
  const { activities } = world({
    watch: () => ({ verdict: 'breached', reason: 'green failed 20 of 100' }),
    activities: {
      verifyRecovery: async () => {
        round += 1;
        if (round > 1) return proving();
        throw ApplicationFailure.nonRetryable('the metrics are away', FAILURE.NotInEffect);
      },
    },
  });
  await temporal.deploy(activities, async (deployment) => {
    const running = await deployment.until(({ rollback, phase }) => rollback?.round === 2 && phase === 'rolling-back');
    expect(running.rollback).toMatchObject({ problemBefore: 'the metrics are away' });
    expect(running.rollback?.problem).toBeUndefined();
    expect(availableDecisions(running).map(({ action }) => action)).toContain('acceptRecovery');
    const watching = bluegreen(['watch', ...of(deployment)]);
    await watching.prints('round 2');
    watching.interrupt();
    await watching.ended;
    const { out } = await bluegreen(['status', ...of(deployment)]).ended;
    expect(out).toContain('  round 1 failed: the metrics are away\n');
    expect(out).toContain(
      '  now: waiting for the proof that 2.4.0 is healthy\n  problem: only 12 fresh requests yet\n',
    );
    expect(out).not.toContain('problem: the metrics are away');
  });
});

test('with its worker gone, status and watch say how much traffic is on green and since when nobody watches', async () => {
  const taskQueue = uniqueQueue();
  const { activities } = world({
    plan: (plan) => ({ ...plan, traffic: plan.traffic.map((step) => ({ ...step, soakMs: 600_000 })) }),
    watch: () => ({ verdict: 'inconclusive', reason: 'too few requests', code: 'insufficient-data' }),
  });
  const worker = await temporal.startWorker(activities, taskQueue);
  const handle = await start(temporal.client(), taskQueue, { service: uniqueService(), version: '2.5.0' });
  try {
    const deployment = observe(handle);
    await deployment.until(({ steps }) => (steps[0]?.windows.length ?? 0) > 1);
    await worker.stop();
    const unwatched = /green has 50 % of the traffic, and nobody has watched it since \d\d:\d\d:\d\d \(/;
    const status = async () => (await bluegreen(['status', ...of(deployment)]).ended).out;
    let out = await status();
    expect(out).toMatch(/green has 50 % of the traffic, (watched until|and nobody)/);
    while (!unwatched.test(out)) out = await status();
    const watching = bluegreen(['watch', ...of(deployment)]);
    await watching.prints('green has 50 % of the traffic');
    watching.interrupt();
    expect((await watching.ended).out).toMatch(unwatched);
    const json = JSON.parse((await bluegreen(['status', '--json', ...of(deployment)]).ended).out);
    expect(json.lastKnown).toEqual({ greenPercentage: 50, watchedUntil: expect.any(Number) });
  } finally {
    await worker.stop();
    await handle.terminate('the test is over').catch(() => {});
  }
});
