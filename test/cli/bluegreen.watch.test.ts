import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import * as messages from '../../src/workflows/messages.ts';
import { type TestDeployment, testAddress, useTemporal } from '../support/temporal.ts';
import { missingTerminal, useTerminal } from '../support/terminal.ts';
import { CHECKS, failed, world } from '../support/world.ts';
import { PROGRAM, useCommandLine, withoutSettings } from './command-line.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();
const openTerminal = useTerminal();
const missing = missingTerminal();

function serviceOf({ handle }: TestDeployment): string {
  return handle.workflowId.split('/').at(-1) ?? '';
}

function watchAt(deployment: TestDeployment, by = 'ana') {
  const command = [...PROGRAM, 'watch', '--service', serviceOf(deployment), '--by', by];
  return openTerminal(command, { ...withoutSettings(process.env), TEMPORAL_ADDRESS: testAddress(), TERM: 'xterm' });
}

describe(missing === undefined ? 'at a terminal' : `at a terminal (skipped: ${missing})`, () => {
  const testThere = missing === undefined ? test : test.skip;

  testThere(
    'a, a reason and Enter approve a real deployment, nothing before Enter does; watch ends as it does',
    async () => {
      await temporal.deploy(world().activities, async (deployment) => {
        const terminal = watchAt(deployment);
        await terminal.shows('? GATE shift-to-100: 1 approval needed');
        terminal.type('R');
        await terminal.shows('"R": no rollback has stalled.');
        terminal.type('a');
        await terminal.shows('> approve shift-to-100 as ana');
        terminal.type('looks good\r'); // in one piece: a paste, whose line end sends nothing
        await terminal.shows('looks good');
        expect((await deployment.status()).decisions).toEqual([]);
        terminal.type('\r');
        await terminal.shows('Accepted: approve by ana. It takes effect at the next healthy verdict.');
        await terminal.shows('COMPLETED');
        expect(await terminal.end()).toEqual({ exitCode: EXIT.ok, restored: true });
        expect((await deployment.status()).decisions).toMatchObject([
          { action: 'approve', gate: 'shift-to-100', by: 'ana', reason: 'looks good', taken: true },
        ]);
      });
    },
  );

  testThere('a decision that is not taken says why', async () => {
    const twice = world({
      plan: (plan) => ({
        ...plan,
        traffic: plan.traffic.map((step) =>
          step.approval ? { ...step, approval: { ...step.approval, required: 2 } } : step,
        ),
      }),
    });
    await temporal.deploy(twice.activities, async (deployment) => {
      await deployment.untilPhase('awaiting-approval');
      await deployment.handle.signal(messages.approve, { by: 'ana' });
      const terminal = watchAt(deployment);
      await terminal.shows('1 approval (not by ana) needed');
      terminal.type('a');
      await terminal.shows('Enter sends it');
      terminal.type('\r');
      await terminal.shows('Refused: ana approved shift-to-100 already.');
      terminal.type('q');
      expect(await terminal.end()).toEqual({ exitCode: EXIT.interrupted, restored: true });
    });
  });

  testThere('a check that waits is waived by its number', async () => {
    const { activities } = world({
      checks: [CHECKS.ordinary, CHECKS.person],
      activities: { runCheck: async () => failed() },
    });
    await temporal.deploy(activities, async (deployment) => {
      const terminal = watchAt(deployment);
      await terminal.shows('w waive');
      terminal.type('w');
      await terminal.shows('waive which check?   1 pool-size   2 load-test');
      terminal.type('1');
      await terminal.shows('leaves): 1');
      terminal.type('\r');
      await terminal.shows('> waive pool-size as ana');
      terminal.type('tested by hand');
      await terminal.shows('tested by hand');
      terminal.type('\r');
      await terminal.shows('Accepted: waive by ana.');
      const { checks } = await deployment.status();
      expect(checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(['pool-size waived', 'load-test waiting']);
    });
  });

  testThere(
    'a terminal that gets smaller is written anew, and Ctrl-C and SIGTERM leave a deployment that goes on',
    async () => {
      await temporal.deploy(world().activities, async (deployment) => {
        const [interrupted, terminated] = [watchAt(deployment), watchAt(deployment)];
        await Promise.all([interrupted, terminated].map((one) => one.shows('a approve')));
        interrupted.shrink();
        // Written anew, whole, and nothing wider.
        await interrupted.until((written) => {
          const screen = written.split('\u001b[2J\u001b[H').at(-1) ?? '';
          const widths = screen.split(/\r?\n/).map((line) => Array.from(stripVTControlCharacters(line)).length);
          return screen.includes('a approve') && Math.max(...widths) <= 40;
        });

        interrupted.type('\u0003');
        terminated.terminate();
        for (const one of [interrupted, terminated]) {
          await one.shows('The deployment continues. Watch it again: bluegreen watch --service');
          expect(await one.end()).toEqual({ exitCode: EXIT.interrupted, restored: true });
        }
        expect((await deployment.status()).phase).toBe('awaiting-approval');
      });
    },
  );
});

test('--json tells each change as one object on a line, the outcome and its exit code last', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const watching = bluegreen(['watch', '--service', serviceOf(deployment), '--json']);
    await watching.prints('"kind":"gate"');
    await deployment.handle.signal(messages.approve, { by: 'ana' });
    const { exitCode, out } = await watching.ended;
    const told = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const one of told) expect(Object.keys(one)).toEqual(['at', 'kind', 'text', 'data']);
    const kinds = new Set(told.map(({ kind }) => kind));
    for (const kind of ['phase', 'window', 'soak', 'gate', 'decision']) expect(kinds).toContain(kind);
    expect(told.at(-1)).toMatchObject({
      kind: 'outcome',
      data: { exitCode: EXIT.ok, phase: 'completed', report: { outcome: 'completed' } },
    });
    expect(exitCode).toBe(EXIT.ok);
  });
});

test('--json says when somebody leaves before the end', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const watching = bluegreen(['watch', '--service', serviceOf(deployment), '--json']);
    await watching.prints('"kind":"gate"');
    watching.interrupt();
    const { exitCode, out } = await watching.ended;
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      kind: 'left',
      data: { exitCode: EXIT.interrupted },
    });
    expect(exitCode).toBe(EXIT.interrupted);
  });
});

test('a terminated deployment took until it was terminated', async () => {
  await temporal.deploy(world().activities, async (deployment) => {
    const { phaseSince } = await deployment.untilPhase('awaiting-approval');
    await deployment.until(() => Date.now() > phaseSince + 1_000);
    await deployment.handle.terminate('by hand');
    const { closeTime } = await deployment.handle.describe();
    const { out } = await bluegreen(['watch', '--service', serviceOf(deployment), '--json']).ended;
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      kind: 'outcome',
      data: { exitCode: EXIT.endedByForce, report: { endedAt: closeTime?.getTime() } },
    });
  });
});
