import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { FAILURE } from '../../src/domain/index.ts';
import * as messages from '../../src/workflows/messages.ts';
import { eventually } from '../processes/support.ts';
import { useTemporal } from '../support/temporal.ts';
import { world } from '../support/world.ts';
import { useCommandLine } from './command-line.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();

test('while a deployment runs, rollback is refused and points to abort; afterwards it goes back, and every view says so', async () => {
  const { activities } = world({ plan: (plan) => ({ ...plan, keepBlueMs: 3_600_000 }) });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    const taskQueue = (await handle.describe()).taskQueue;
    const service = handle.workflowId.split('/').at(-1) ?? '';
    const said = async (...words: string[]) => {
      const { exitCode, out, err } = await bluegreen([...words, '--service', service], {
        BLUEGREEN_TASK_QUEUE: taskQueue,
      }).ended;
      return { exitCode, out, err };
    };
    await untilPhase('awaiting-approval');
    const early = await said('rollback', '--reason', 'checkout fails');
    expect(early.exitCode).toBe(EXIT.underWay);
    expect(early.err).toContain(`abort --service ${service} --reason`);

    await handle.signal(messages.approve, { by: 'ana' });
    await handle.result();
    expect((await said('status')).out).toMatch(
      / {2}blue {7}2\.4\.0 is kept until .*; go back with .* rollback --service/,
    );

    const gone = await said('rollback', '--reason', 'checkout fails', '--by', 'ana', '--current-runbook', '--watch');
    expect({ exitCode: gone.exitCode, err: gone.err }).toEqual({ exitCode: EXIT.ok, err: '' });
    expect(gone.out).toContain(`Started: rollback of ${service} in production.`);
    expect(gone.out).toContain(
      `ROLLED BACK  ${service} 2.5.0 was rolled back to 2.4.0: Requested by ana: checkout fails.`,
    );
    expect(gone.out).toContain(`  what       ${service} 2.5.0 -> 2.4.0 in production`);

    const { events } = await temporal.client().workflow.getHandle(handle.workflowId).fetchHistory();
    const [sent] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    expect(JSON.parse(Buffer.from(sent?.data ?? []).toString())).toMatchObject({ currentRunbook: true });
    const { out } = await said('status');
    expect(out).toContain(`${service} 2.5.0 back to 2.4.0 in production`);
    expect(out).toMatch(/ {2}undoes {5}the run the-run, completed/);
    expect(out).not.toMatch(/checklist|deploy /);
    const rows = await eventually(async () => {
      const found = JSON.parse((await said('list', '--json')).out) as { phase: string }[];
      return found.length === 2 && found[0]?.phase === 'rollback-done' ? found : undefined;
    });
    expect(rows).toMatchObject([
      { version: '2.4.0', phase: 'rollback-done', requestedBy: 'ana', reason: 'checkout fails' },
      { version: '2.5.0', phase: 'completed' },
    ]);
    expect((await said('history')).out).toMatch(/2\.5\.0 -> 2\.4\.0 +rollback-done/);
    expect((await said('report')).out).toContain(`${service} 2.5.0 back to 2.4.0 in production`);
  });
});

test('while a rollback runs, start says so and points to the queue', async () => {
  let broken = true;
  const { activities } = world({
    watch: () => ({ verdict: 'breached', reason: 'green failed' }),
    activities: {
      restoreTraffic: async () => {
        if (broken) throw ApplicationFailure.nonRetryable('exit code 3', FAILURE.CommandFailed);
        return { startedAt: Date.now(), restoredAt: Date.now(), readBack: true, evidence: [] };
      },
    },
  });
  await temporal.deploy(activities, async ({ handle, untilPhase }) => {
    const service = handle.workflowId.split('/').at(-1) ?? '';
    await untilPhase('rollback-stalled');
    const { exitCode, err } = await bluegreen(['start', '--service', service, '--version', '2.6.0']).ended;
    expect(exitCode).toBe(EXIT.underWay);
    expect(err).toContain(`Not started: a rollback of ${service} in production is already running`);
    expect(err).toContain(`start --service ${service} --version ... --when-free`);
    expect(err).not.toContain('abort');
    broken = false;
    await handle.signal(messages.retryRollback, { by: 'ana' });
    await expect(handle.result()).rejects.toThrow();
  });
});
