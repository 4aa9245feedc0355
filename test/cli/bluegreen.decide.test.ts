import { expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { serverView } from '../../src/cli/view/snapshot.ts';
import { isStuck } from '../../src/domain/status.ts';
import * as messages from '../../src/workflows/messages.ts';
import { type TestDeployment, useTemporal } from '../support/temporal.ts';
import { CHECKS, failed, passed, untilCancelled, world } from '../support/world.ts';
import { useCommandLine } from './command-line.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();

/** A person's commands on this deployment. */
function personAt({ handle }: TestDeployment, by: string) {
  const service = handle.workflowId.split('/').at(-1) ?? '';
  return {
    decide: (name: string, ...options: string[]) =>
      bluegreen([name, '--service', service, '--by', by, ...options]).ended,
    watch: () => bluegreen(['watch', '--service', service]),
  };
}

test('waive, recheck and abort on a failed checklist: each is taken or told why not; abort ends it as refused, with 11', async () => {
  let fixed = false;
  const { activities, asked } = world({
    checks: [CHECKS.critical, CHECKS.ordinary],
    activities: { runCheck: async ({ checkId }) => (checkId === 'indexes' && fixed ? passed() : failed()) },
  });
  await temporal.deploy(activities, async (deployment) => {
    const { decide, watch } = personAt(deployment, 'ana');
    await deployment.until(({ checks }) => checks.length > 0 && checks.every(({ outcome }) => outcome === 'failed'));
    const watching = watch();

    const notTaken = await Promise.all([
      decide('waive', '--check', 'indexes', '--reason', 'hurry'),
      decide('attest', '--check', 'pool-sizes'),
      decide('approve'),
    ]);
    expect(notTaken.map(({ exitCode, out }) => ({ exitCode, out }))).toEqual(
      notTaken.map(() => ({ exitCode: EXIT.notTaken, out: '' })),
    );
    expect(notTaken.map(({ err }) => err)).toEqual([
      'Refused: indexes is critical: it cannot be waived, only fixed.\n',
      'Refused: there is no check "pool-sizes"; the checks are indexes, pool-size.\n',
      'Refused: no gate is open; the deployment is checking.\n',
    ]);

    fixed = true;
    const rechecked = await decide('recheck');
    expect(rechecked.out).toMatch(/^Accepted: recheck by ana .* It is being measured again\.\n$/);
    await deployment.until(({ checks }) => checks.map(({ outcome }) => outcome).join() === 'passed,failed');
    await watching.prints('check indexes: passed: as required');

    const aborted = await decide('abort', '--reason', 'wrong version');
    expect(aborted).toMatchObject({ exitCode: EXIT.ok, err: '' });
    const { exitCode, out } = await watching.ended;
    expect(out).toMatch(/^REFUSED {2}Aborted by ana: wrong version\. Nothing was deployed\.$/m);
    expect(exitCode).toBe(EXIT.refused);
    expect(asked).not.toContain('deploy');
  });
});

test('recheck --remedy runs what the runbook names for one check, under the name of who said so; status shows what came of it', async () => {
  let fixed = false;
  const { activities } = world({
    checks: [{ ...CHECKS.critical, remedy: { automatic: false, timeoutMs: 10_000 } }, CHECKS.ordinary],
    activities: {
      runCheck: async ({ checkId }) => (checkId === 'indexes' && fixed ? passed() : failed()),
      runRemedy: async () => {
        fixed = true;
        return { done: true, summary: 'exit code 0', output: 'max_connections is 40', startedAt: 1, durationMs: 900 };
      },
    },
  });
  await temporal.deploy(activities, async (deployment) => {
    await deployment.until(isStuck);
    const { decide } = personAt(deployment, 'ana');
    const none = await decide('recheck', '--check', 'pool-size', '--remedy');
    expect(none).toMatchObject({
      exitCode: EXIT.notTaken,
      err: 'Refused: the runbook names no remedy for pool-size.\n',
    });
    expect((await decide('recheck', '--check', 'indexes', '--remedy')).exitCode).toBe(EXIT.ok);
    await deployment.until((status) => status.checks[0]?.outcome === 'passed' && isStuck(status));
    const service = deployment.handle.workflowId.split('/').at(-1) ?? '';
    const { out } = await bluegreen(['status', '--service', service]).ended;
    expect(out).toContain('(critical): as required (after the remedy by ana)\n');
    expect(out).toContain('remedy by ana, done in 0.9 s: exit code 0: max_connections is 40\n');
    expect(out).toContain('recheck indexes with its remedy by ana');
  });
});

test('a waiver is recorded with name and reason, and the deployment goes on', async () => {
  const { activities } = world({ checks: [CHECKS.ordinary], activities: { runCheck: async () => failed() } });
  await temporal.deploy(activities, async (deployment) => {
    await deployment.until(({ checks }) => checks[0]?.outcome === 'failed');
    const { decide } = personAt(deployment, 'ana');
    const waived = await decide('waive', '--check', 'pool-size', '--reason', 'tested by hand');
    expect(waived.out).toMatch(/^Accepted: waive by ana .* It is recorded with your name and reason\.\n$/);
    const { checks } = await deployment.untilPhase('awaiting-approval');
    expect(checks[0]).toMatchObject({ outcome: 'waived', decidedBy: { by: 'ana', reason: 'tested by hand' } });
  });
});

test('a decision is for its own gate and its own run, and under one id it counts once, by whatever way it comes', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    await deployment.untilPhase('awaiting-approval');
    const { decide } = personAt(deployment, 'ana');
    const [otherGate, otherRun, noRun] = await Promise.all([
      decide('approve', '--gate', 'shift-to-50'),
      decide('abort', '--run', '01a21128-0000-7000-8000-000000000000'),
      decide('abort', '--run', 'yesterday'),
    ]);
    expect(otherGate).toMatchObject({
      exitCode: EXIT.notTaken,
      err: 'Refused: the open gate is shift-to-100, not shift-to-50.\n',
    });
    for (const { exitCode, err } of [otherRun, noRun]) {
      expect(err).toMatch(
        /^There is no deployment of service-\w+ in production with the run \S+ \(workflow .*bluegreen -- list\n$/,
      );
      expect(exitCode).toBe(EXIT.notFound);
    }

    const same = ['--decision-id', 'monday-1'];
    const sent = await decide('recheck', '--signal');
    expect(sent.exitCode).toBe(EXIT.ok);
    expect(sent.out).toMatch(
      /^Sent: recheck by ana \(decision \S+\)\. It is not known yet whether it was accepted:\nsee npm run bluegreen -- status --service service-\w+\n$/,
    );
    await deployment.handle.signal(messages.abort, { by: 'ana', decisionId: 'monday-1' });
    await deployment.until(({ decisions }) => decisions.some(({ taken }) => taken));
    const again = await decide('abort', ...same).then((said) => said.out + said.err);
    expect(again).toMatch(/^(Already recorded: decision monday-1 arrived earlier|Refused: \S+ has ended)/);
    const { decisions } = await deployment.status();
    expect(decisions.map(({ action, taken }) => `${action} ${taken}`)).toEqual(['recheck false', 'abort true']);
  });
});

test('retry-rollback ends a round that hangs and starts the next; without a rollback there is none to retry', async () => {
  const { activities } = world({
    plan: (plan) => ({ ...plan, rollback: { ...plan.rollback, roundMs: 600_000, timeoutMs: 600_000 } }),
    activities: {
      restoreTraffic: async ({ round }) =>
        round === 1 ? untilCancelled() : { startedAt: Date.now(), restoredAt: Date.now(), evidence: [] },
    },
  });
  await temporal.deploy(activities, async (deployment) => {
    const { decide, watch } = personAt(deployment, 'ana');
    await deployment.untilPhase('awaiting-approval');
    const watching = watch();
    expect(await decide('retry-rollback')).toMatchObject({
      exitCode: EXIT.notTaken,
      err: 'Refused: no rollback is under way.\n',
    });

    await deployment.handle.signal(messages.reject, { by: 'ben', decisionId: 'no' });
    await deployment.until(({ rollback }) => rollback?.round === 1);
    const retried = await decide('retry-rollback');
    expect(retried.out).toMatch(/^Accepted: retry-rollback by ana .* The next round of the rollback begins\.\n$/);
    const { exitCode, out } = await watching.ended;
    expect(out).toMatch(/^ROLLED BACK {2}/m);
    expect(exitCode).toBe(EXIT.rolledBack);
    expect((await deployment.status()).rollback?.round).toBe(2);
  });
});

test('what is tried again and again is in sight, with its attempt and why it failed the last time', async () => {
  const { activities } = world({
    activities: {
      deployGreen: async () => {
        throw new Error('the registry is away\nat some place');
      },
    },
  });
  await temporal.deploy(activities, async (deployment) => {
    await deployment.untilPhase('deploying');
    const failing = async () => serverView(await deployment.handle.describe()).pending[0];
    while (((await failing())?.attempt ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(serverView(await deployment.handle.describe())).toMatchObject({
      workflowId: deployment.handle.workflowId,
      state: 'RUNNING',
      phase: 'deploying',
      version: '2.5.0',
      pending: [{ activity: 'deployGreen', problem: 'the registry is away\nat some place' }],
    });
    const { decide } = personAt(deployment, 'ana');
    const service = deployment.handle.workflowId.split('/').at(-1) ?? '';
    const status = await bluegreen(['status', '--service', service]).ended;
    expect(status.out).toMatch(/\nUnder way\n {2}deployGreen, attempt \d+: the registry is away at some place\n/);

    expect((await decide('abort')).exitCode).toBe(EXIT.ok);
    await deployment.handle.result().catch(() => {});
    const closed = serverView(await deployment.handle.describe());
    expect(closed).toMatchObject({ state: 'FAILED', phase: 'rolled-back', pending: [] });
    expect(closed.closedAt).toBeGreaterThanOrEqual(closed.startedAt);
  });
});
