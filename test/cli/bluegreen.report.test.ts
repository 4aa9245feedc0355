import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { FAILURE } from '../../src/domain/errors.ts';
import { reportSchema } from '../../src/report/schema.ts';
import { createReportStore } from '../../src/report/store.ts';
import { folderState } from '../../src/state/folder.ts';
import * as messages from '../../src/workflows/messages.ts';
import { useTemporal } from '../support/temporal.ts';
import { type Script, world } from '../support/world.ts';
import { useCommandLine } from './command-line.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-report-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const BREACH: Script = {
  watch: () => ({ verdict: 'breached', reason: 'green failed 20 of 100', from: Date.now() - 100 }),
};

/** Runs `body` when a deployment that follows this script has ended; its worker still answers. */
async function ended(script: Script, body: (service: string, run: string) => Promise<void>): Promise<void> {
  await temporal.deploy(world(script).activities, async ({ handle }) => {
    await handle.result().catch(() => {});
    await body(handle.workflowId.split('/').at(-1) ?? '', (await handle.describe()).runId);
  });
}

test('the report is made from the history: as Markdown on the terminal, or in a file by its ending', async () => {
  await ended(BREACH, async (service, run) => {
    const file = join(folder, 'report.html');
    const env = { BLUEGREEN_STATE: join(folder, 'empty') };
    const [markdown, html, json] = await Promise.all([
      bluegreen(['report', '--service', service], env).ended,
      bluegreen(['report', '--service', service, '--run', run, '--output', file], env).ended,
      bluegreen(['report', '--service', service, '--format', 'json'], env).ended,
    ]);
    expect(markdown).toMatchObject({ exitCode: EXIT.ok, err: '' });
    expect(markdown.out).toContain(`# ✘ ${service} 2.5.0 to production: rolled back\n`);
    expect(markdown.out).toContain('shows its finished windows, which is coarse');
    expect(html).toEqual({ exitCode: EXIT.ok, out: '', err: '' });
    expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>/);
    expect(reportSchema.parse(JSON.parse(json.out))).toMatchObject({
      outcome: 'rolled-back',
      series: [{ from: 'windows', percentage: 50 }],
    });
  });
});

test('with the series that a worker kept on this machine its charts are fine', async () => {
  await ended(BREACH, async (service) => {
    const [first] = (await reportOf(service, {})).steps;
    const at = first?.shiftedAt ?? 0;
    const counts = { requests: 10, failed: 2, slow: 0, meanMs: 5 };
    const counted = { from: at, to: at + 100, green: counts, blue: counts };
    const state = join(folder, service);
    const store = createReportStore(folderState(state));
    store.note(`test/${service}`, { soakStartedAt: at, at, verdict: 'breached', counted }, () => {});
    while ((await store.polls(`test/${service}`)).length === 0) await new Promise(setImmediate);
    expect(await reportOf(service, { BLUEGREEN_STATE: state })).toMatchObject({ series: [{ from: 'polls' }] });
  });
});

test('a state that is away costs the fine charts, and is named', async () => {
  await ended(BREACH, async (service) => {
    const env = { BLUEGREEN_STATE_URL: 'postgres://worker:a-password@127.0.0.1:9/state' };
    const { exitCode, out, err } = await bluegreen(['report', '--service', service], env).ended;
    expect(exitCode).toBe(EXIT.ok);
    expect(out).toContain('shows its finished windows, which is coarse');
    expect(err).toMatch(/The charts are coarse, without the series: .*nothing listens on 127\.0\.0\.1:9/);
    expect(err).not.toContain('a-password');
    const refused = await bluegreen(['report', '--service', service], { BLUEGREEN_STATE_URL: 'mysql://h' }).ended;
    expect(refused).toMatchObject({ exitCode: EXIT.usage, err: expect.stringContaining('expected postgresql://') });
  });
});

async function reportOf(service: string, env: Readonly<Record<string, string>>) {
  const { out } = await bluegreen(['report', '--service', service, '--format', 'json'], env).ended;
  return reportSchema.parse(JSON.parse(out));
}

test('a cancelled deployment has a report, although its history ends without one', async () => {
  await temporal.deploy(world().activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.cancel();
    await handle.result().catch(() => {});
    const service = handle.workflowId.split('/').at(-1) ?? '';
    expect(await reportOf(service, {})).toMatchObject({ outcome: 'cancelled', rollback: { cause: 'cancelled' } });
  });
});

test('a refused one has a report, too', async () => {
  const refuse = async () => {
    throw ApplicationFailure.nonRetryable('request.version: found "--help"', FAILURE.InvalidRequest);
  };
  await ended({ activities: { resolvePlan: refuse } }, async (service) => {
    expect(await reportOf(service, {})).toMatchObject({
      outcome: 'refused',
      summary: 'request.version: found "--help"',
    });
  });
});

test('one that was ended by force is told as its workflow saw it last, and that nothing was rolled back', async () => {
  await temporal.deploy(world().activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    await handle.terminate('by hand');
    const service = handle.workflowId.split('/').at(-1) ?? '';
    const { out } = await bluegreen(['report', '--service', service]).ended;
    expect(out).toContain('not ended by itself');
    expect(out).toContain('NOTHING WAS ROLLED BACK');
  });
});

test('while it is under way there is none, and what to do instead is said; nor where it cannot be written', async () => {
  await temporal.deploy(world().activities, async ({ handle, untilPhase }) => {
    await untilPhase('awaiting-approval');
    const service = handle.workflowId.split('/').at(-1) ?? '';
    const early = await bluegreen(['report', '--service', service]).ended;
    expect(early).toMatchObject({ exitCode: EXIT.underWay, out: '' });
    expect(early.err).toContain(`npm run bluegreen -- watch --service ${service}`);
    await handle.signal(messages.abort, { by: 'ana' });
    await handle.result().catch(() => {});
    await writeFile(join(folder, 'file'), '');
    const nowhere = join(folder, 'file', 'report.md');
    const bad = await bluegreen(['report', '--service', service, '--output', nowhere]).ended;
    expect(bad).toEqual({ exitCode: EXIT.usage, out: '', err: `${nowhere}: cannot be written (ENOTDIR).\n` });
  });
});
