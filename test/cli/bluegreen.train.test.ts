import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { stringify } from 'yaml';
import { renderTrainSight, stateWords } from '../../src/cli/train/render-train.ts';
import { PLAIN } from '../../src/cli/view/output.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import { trainWorkflowId } from '../../src/domain/train.ts';
import { heldBy } from '../../src/domain/transitions.ts';
import { waitingFor } from '../../src/domain/waiting-for.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import * as messages from '../../src/workflows/messages.ts';
import { statusIn } from '../support/status.ts';
import { observe, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { world } from '../support/world.ts';
import { useCommandLine } from './command-line.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-train-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(train: object): Promise<string> {
  const file = join(folder, `${uniqueService()}.yaml`);
  await writeFile(file, stringify(train));
  return file;
}

const deploymentOf = (service: string) =>
  observe(temporal.client().workflow.getHandle<typeof blueGreenDeployment>(deploymentWorkflowId(service)));

describe('bluegreen --train', () => {
  test('starts, shows, watches, lists, aborts and reports a train as a whole', async () => {
    const [name, first, second] = [uniqueService(), uniqueService(), uniqueService()];
    const file = await fileOf({
      name,
      onRollback: 'stop',
      stages: [
        { name: 'one', deployments: [{ service: first, version: '2.5.0' }] },
        { name: 'two', deployments: [{ service: second, version: '2.5.0' }] },
      ],
    });
    const taskQueue = uniqueQueue();
    const env = { BLUEGREEN_TASK_QUEUE: taskQueue, BLUEGREEN_STATE: folder };
    const say = async (...words: string[]) => bluegreen(words, env).ended;
    const { activities } = world();
    await temporal.serve(
      activities,
      async () => {
        const started = await say('start', '--train', file, '--by', 'ana', '--reason', 'spring');
        expect(started).toMatchObject({ exitCode: 0, err: '' });
        expect(started.out).toContain(`Started: train ${name}, 2 deployments in 2 stages.`);
        expect(started.out).toContain('Begun: every runbook is found; one is deployed first.');

        const watching = bluegreen(['watch', '--train', name, '--json'], env);
        await watching.prints(`"text":"train ${name}: deploying, stage one"`);
        await deploymentOf(first).untilPhase('awaiting-approval');
        const { reason, requestedBy } = await deploymentOf(first).status();
        expect({ reason, requestedBy }).toEqual({ reason: `Train ${name}: spring`, requestedBy: 'ana' });
        await watching.prints('awaiting-approval, green at 50 %; waits for 1 approval');
        const { out } = await say('status', '--train', name);
        expect(out).toMatch(new RegExp(`Train ${name}: deploying, since `));
        expect(out).toMatch(new RegExp(`one +${first} +production +2.5.0 +awaiting-approval, green at 50 %`));
        expect(out).toMatch(new RegExp(`two +${second} +production +2.5.0 +waiting`));
        const early = await say('report', '--train', name);
        expect(early).toMatchObject({ exitCode: 7 });
        expect(await say('start', '--train', file)).toMatchObject({
          exitCode: 7,
          err: expect.stringContaining(`Not started: the train ${name} is already running.`),
        });
        const other = await fileOf({
          name: uniqueService(),
          onRollback: 'stop',
          stages: [{ name: 'one', deployments: [{ service: first, version: '2.6.0' }] }],
        });
        expect(await say('start', '--train', other)).toMatchObject({
          exitCode: 7,
          err: expect.stringContaining(`already running for\n  ${first} in production\n`),
        });
        expect((await say('list', '--trains', '--open')).out).toMatch(new RegExp(`${name} +deploying +one `));

        await deploymentOf(first).handle.signal(messages.approve, { by: 'ana' });
        await watching.prints(`${second} 2.5.0 in production: `);
        const aborted = await say('abort', '--train', name, '--by', 'ben', '--reason', 'wrong version');
        expect(aborted.out).toContain('Accepted: abort by ben');
        const watched = await watching.ended;
        expect(watched.exitCode).toBe(14);
        const last = JSON.parse(watched.out.trim().split('\n').at(-1) ?? '') as { kind: string; text: string };
        expect(last).toMatchObject({ kind: 'outcome', text: expect.stringContaining('aborted by ben: wrong version') });

        const report = join(folder, 'train.html');
        expect(await say('report', '--train', name, '--output', report)).toMatchObject({ exitCode: 0 });
        const page = await readFile(report, 'utf8');
        expect(page.match(/<main>/g)).toHaveLength(3);
        expect(page).toContain(`Train ${name}: stopped`);
        const json = JSON.parse((await say('report', '--train', name, '--format', 'json')).out);
        expect(json).toMatchObject({
          train: { phase: 'stopped', requestedBy: 'ana', reason: 'spring' },
          deployments: [{ outcome: 'completed', service: first }, { service: second }],
        });
        const text = (await say('report', '--train', name)).out;
        expect(text).toContain(`# ✘ Train ${name}: stopped`);
        expect(text).toContain(`| one | ${first} | production | 2.5.0 | completed |`);
        const again = await say('abort', '--train', name, '--by', 'ben');
        expect(again).toMatchObject({
          exitCode: 3,
          err: expect.stringContaining('has ended; there is nothing left to decide'),
        });
      },
      taskQueue,
    );
  });

  test('shows what Temporal knows while no worker answers', async () => {
    const name = uniqueService();
    const deployments = [{ service: uniqueService(), version: '2.5.0' }];
    const handle = await temporal.client().workflow.start('blueGreenTrain', {
      workflowId: trainWorkflowId(name),
      taskQueue: uniqueQueue(),
      args: [{ name, onRollback: 'stop', stages: [{ name: 'one', deployments }] }],
    });
    expect((await bluegreen(['status', '--train', name]).ended).out).toContain(`Train ${name}: no worker answers.`);
    const sent = await bluegreen(['abort', '--train', name, '--by', 'ana', '--signal']).ended;
    expect(sent.out).toContain('Sent: abort by ana');
    await handle.terminate();
    const ended = await bluegreen(['watch', '--train', name]).ended;
    expect(ended).toMatchObject({ exitCode: 13, out: expect.stringContaining('The train was terminated') });
  });

  test('says why a deployment was refused', async () => {
    const [name, service, taskQueue] = [uniqueService(), uniqueService(), uniqueQueue()];
    const deployments = [{ service, version: '2.5.0' }];
    const file = await fileOf({ name, onRollback: 'stop', stages: [{ name: 'one', deployments }] });
    const say = async (...words: string[]) => bluegreen(words, { BLUEGREEN_TASK_QUEUE: taskQueue }).ended;
    const same = ApplicationFailure.nonRetryable('request.version: production already serves 2.5.0', 'InvalidRequest');
    await temporal.serve(
      world({ activities: { resolvePlan: () => Promise.reject(same) } }).activities,
      async () => {
        const why = `${service} in production: request.version: production already serves 2.5.0`;
        const started = await say('start', '--train', file);
        expect(started).toMatchObject({ exitCode: 11, err: expect.stringContaining(why) });
        expect(started.err).toContain(`Refused: ${service} 2.5.0 in production was refused.`);
        const watched = await say('watch', '--train', name);
        expect(watched).toMatchObject({ exitCode: 11, out: expect.stringContaining(why) });
      },
      taskQueue,
    );
  });

  test('names the task queue whose worker is missing', async () => {
    const [name, elsewhere] = [uniqueService(), uniqueQueue()];
    const file = await fileOf({
      name,
      onRollback: 'stop',
      stages: [
        { name: 'one', deployments: [{ service: uniqueService(), version: '2.5.0' }] },
        { name: 'two', deployments: [{ service: uniqueService(), version: '2.5.0', taskQueue: elsewhere }] },
      ],
    });
    const taskQueue = uniqueQueue();
    const say = async (...words: string[]) => bluegreen(words, { BLUEGREEN_TASK_QUEUE: taskQueue }).ended;
    await temporal.serve(
      world().activities,
      async () => {
        const obstacle = `no worker takes work from the task queue "${elsewhere}"; start one, or correct taskQueue`;
        const started = await say('start', '--train', file);
        expect(started).toMatchObject({
          exitCode: 8,
          err: expect.stringContaining(`Started, but not begun: ${obstacle}. It continues by itself`),
        });
        expect((await say('status', '--train', name)).out).toContain(`\n  ${obstacle}\n`);
        const json = JSON.parse((await say('status', '--train', name, '--json')).out);
        expect(json).toMatchObject({ phase: 'planning', withoutWorker: [elsewhere] });
        const watching = bluegreen(['watch', '--train', name]);
        await watching.prints(`train ${name}: planning; ${obstacle}`);
        await say('abort', '--train', name, '--by', 'ana');
        expect((await watching.ended).exitCode).toBe(11);
      },
      taskQueue,
    );
  });

  test('a train that is over was not waiting: what it did not start is said to be not started', () => {
    const one = { service: 'shop', version: '2.5.0', environment: 'production', workflowId: 'w' };
    const seen = (phase: 'deploying' | 'refused') =>
      renderTrainSight(
        {
          state: 'RUNNING',
          running: new Map(),
          status: {
            name: 'spring',
            phase,
            phaseSince: 0,
            startedAt: 0,
            stages: [{ name: 'eu', deployments: [{ ...one, state: 'waiting' }] }],
            decisions: [],
            ignored: 0,
          },
        },
        'spring',
        PLAIN,
      ).join('\n');
    expect(seen('deploying')).toMatch(/eu +shop +production +2.5.0 +waiting/);
    expect(seen('refused')).toMatch(/eu +shop +production +2.5.0 +was not started/);
  });

  test('does not give an end to a freeze that has none', () => {
    const stopped = { id: 'run-1', name: 'production', by: 'eve', reason: 'the database is slow', since: 0 };
    const held = heldBy({ ...statusIn('held', 0), deployedAt: 0 }, [stopped], 0, Date.UTC(2026, 11, 30));
    const wait = waitingFor(held);
    const words = stateWords(
      { service: 'shop', version: '2.5.0', environment: 'production', workflowId: 'w', state: 'running' },
      { ...held, ...(wait && { waitingFor: wait }) },
    );
    expect(words).toMatch(
      /^held, green at 50 %; waits for the end of the freeze of production by eve since .*: the database is slow, at most until .*2026-12-30.*; unblocked by thaw, .*or abort; if it is still held then, it is rolled back$/,
    );
  });

  test('names every mistake in the file, with its place, and starts nothing', async () => {
    const file = await fileOf({
      name: 'Spring',
      onRollback: 'stop',
      stages: [
        { name: 'one', deployments: [{ service: 'shop', version: 2 }], soak: '10m' },
        { name: 'one', deployments: [{ service: 'shop', version: '2.5.0' }], pause: '1h' },
      ],
    });
    const { exitCode, err } = await bluegreen(['start', '--train', file]).ended;
    expect(exitCode).toBe(2);
    expect(err.split('\n').map((line) => line.replace(file, 'FILE'))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^FILE:1:7: name: found "Spring", expected lower-case letters/),
        expect.stringMatching(/^FILE:\d+:\d+: stages\[0\].deployments\[0\].version: found 2, expected a version/),
        expect.stringMatching(/^FILE:\d+:\d+: stages\[0\].soak: unknown key "soak", /),
        expect.stringMatching(/^FILE:\d+:\d+: stages\[1\].name: found "one" twice/),
        expect.stringMatching(/^FILE:\d+:\d+: stages\[1\].deployments\[0\]: found shop in production twice/),
        expect.stringMatching(/^FILE:\d+:\d+: stages\[1\].pause: the last stage has no next one/),
      ]),
    );
    const missing = await bluegreen(['start', '--train', join(folder, 'none.yaml')]).ended;
    expect(missing).toMatchObject({ exitCode: 2, err: expect.stringContaining('there is no such file') });
    const nowhere = await bluegreen(['status', '--train', 'no-such-train']).ended;
    expect(nowhere).toMatchObject({ exitCode: 4, err: expect.stringContaining('There is no train no-such-train') });
  });
});
