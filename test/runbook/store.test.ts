import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DeploymentTarget } from '../../src/domain/plan.ts';
import { canonicalJson, digestOf } from '../../src/runbook/digest.ts';
import { createRunbookStore, type RunbookStore } from '../../src/runbook/store.ts';
import { folderState } from '../../src/state/folder.ts';
import { format } from '../support/registry.ts';
import { GUIDE_TEXT, guide, guideWith } from './support.ts';

let directory: string;
let stateDirectory: string;
let store: RunbookStore;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-store-'));
  directory = join(folder, 'runbooks');
  stateDirectory = join(folder, 'state');
  await mkdir(directory);
  await put('recommendation.yaml', GUIDE_TEXT);
  store = createRunbookStore({ directory, state: folderState(stateDirectory), format });
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true, maxRetries: 5 }));

const put = (name: string, text: string) => writeFile(join(directory, name), text);
const find = () => store.find('recommendation', 'production');

function target(digest: string): DeploymentTarget {
  return {
    deployment: 'blue-green/production/recommendation/run-1',
    service: 'recommendation',
    environment: 'production',
    blue: '2.4.0',
    green: '2.5.0',
    digest,
  };
}

describe('find', () => {
  test('picks by what is in the files, not by their names', async () => {
    await put('a.yml', guideWith(['environment: production', 'environment: staging']));
    const { runbook, digest } = await store.find('recommendation', 'staging');
    expect(runbook.environment).toBe('staging');
    expect(digest).toBe(digestOf(runbook));
    expect(digest).not.toBe((await find()).digest);
  });

  test('is not hindered by a broken runbook of another service, nor by what is no runbook', async () => {
    await put('search.yaml', 'service: search');
    await put('notes.txt', 'service: recommendation');
    await put('.hidden.yaml', GUIDE_TEXT);
    await mkdir(join(directory, 'folder.yaml'));
    await promisify(execFile)('mkfifo', [join(directory, 'pipe.yaml')]);
    await expect(find()).resolves.toMatchObject({ runbook: { service: 'recommendation' } });
  });

  test('sees each change of a file, of what it extends, and of the folder', async () => {
    const first = await find();
    expect(await find()).toEqual(first);

    await put('recommendation.yaml', guideWith(['environment: production', 'environment: elsewhere_'])); // as long as before
    await expect(find()).rejects.toThrow('recommendation in elsewhere_');

    const poll = async () => (await find()).runbook.metrics.poll;
    await mkdir(join(directory, 'bases'));
    const base = join(directory, 'bases', 'base.yaml');
    await writeFile(base, guideWith(['  poll: 5s', '  poll: 6s']));
    await put('recommendation.yaml', 'extends: bases/base.yaml\nservice: recommendation\n');
    expect(await poll()).toBe(6_000);
    await writeFile(`${base}.new`, guideWith(['  poll: 5s', '  poll: 7s']));
    await rename(`${base}.new`, base); // as a mounted ConfigMap changes
    expect(await poll()).toBe(7_000);

    await writeFile(base, 'service: [');
    await expect(find()).rejects.toThrow('broken');
    await writeFile(base, guideWith(['  poll: 5s', '  poll: 8s']));
    expect(await poll()).toBe(8_000);

    await rm(join(directory, 'recommendation.yaml'));
    await expect(find()).rejects.toThrow('which holds none');
  });

  test('reads a folder of many runbooks once for all who look at the same time', async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        put(`service-${index}.yaml`, guideWith(['service: recommendation', `service: service-${index}`])),
      ),
    );
    const found = await Promise.all(
      Array.from({ length: 50 }, (_, index) => store.find(`service-${index}`, 'production')),
    );
    expect(found.map(({ runbook }) => runbook.service)).toEqual(
      Array.from({ length: 50 }, (_, index) => `service-${index}`),
    );
    const again = await store.inPlace();
    const { runbook } = await find();
    expect(again.runbooks.some((one) => one.runbook === runbook)).toBe(true);
  });

  test('says what is there and what is broken when there is none', async () => {
    await put('search.yaml', 'service: search');
    await expect(store.find('search', 'production')).rejects.toMatchObject({
      type: 'InvalidRequest',
      nonRetryable: true,
      message: expect.stringMatching(
        /no runbook for search in production in [^]*recommendation\.yaml: recommendation in production[^]*search\.yaml: broken[^]*limits: missing/,
      ),
    });
  });

  test('refuses two runbooks for the same', async () => {
    await put('copy.yaml', GUIDE_TEXT);
    await expect(find()).rejects.toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringMatching(
        /found 2 runbooks for recommendation in production \(.*copy\.yaml, .*recommendation\.yaml\)/,
      ),
    });
  });

  test.each(['../state', '..', 'recommendation.yaml', '', '*'])('never makes a path of a request: %j', async (name) => {
    await expect(store.find(name, name)).rejects.toMatchObject({ type: 'InvalidRequest' });
  });

  test('is tried again when the folder is away', async () => {
    await rm(directory, { recursive: true });
    await expect(find()).rejects.toMatchObject({ type: 'RunbookUnavailable', nonRetryable: false });
  });

  test('does not let a deployment begin whose runbook cannot be kept', async () => {
    await writeFile(stateDirectory, 'a file where the folder should be');
    await expect(find()).rejects.toMatchObject({
      type: 'RunbookUnavailable',
      message: expect.stringContaining('make'),
    });
  });

  test('keeps one whole snapshot, also when many ask at once', async () => {
    const found = await Promise.all(Array.from({ length: 20 }, find));
    const digest = found[0]?.digest ?? '';
    expect(await readdir(join(stateDirectory, 'runbooks'))).toEqual([`${digest}.json`]);
    expect(await readFile(join(stateDirectory, 'runbooks', `${digest}.json`), 'utf8')).toBe(canonicalJson(guide()));
  });
});

describe('the digest', () => {
  test('does not change with comments, order or spelling, and does with content', async () => {
    const { digest } = await find();
    const spelt = guideWith(['soak: 10m', 'soak: 600s'], ['# a counter, by version and code', '']);
    const [first = '', ...rest] = spelt.split('\nenvironment: production\n');
    await put('recommendation.yaml', `${first}\n${rest.join('')}\nenvironment: production\n`);
    expect((await find()).digest).toBe(digest);
    await put('recommendation.yaml', guideWith(['soak: 10m', 'soak: 601s']));
    expect((await find()).digest).not.toBe(digest);
  });
});

describe('pinned', () => {
  test('is the runbook of the start, whatever was edited or deleted since', async () => {
    const { runbook, digest } = await find();
    await put('recommendation.yaml', guideWith(['errorRate: 5%', 'errorRate: 50%']));
    expect(await store.pinned(target(digest))).toEqual(runbook);
    await rm(directory, { recursive: true });
    expect(await store.pinned(target(digest))).toEqual(runbook);
  });

  test.each([
    ['gone', (file: string) => rm(file)],
    ['cut off', (file: string) => writeFile(file, '{"service":')],
    [
      'changed',
      async (file: string) => writeFile(file, (await readFile(file, 'utf8')).replace('rollback', 'sabotage')),
    ],
  ])('is the file, where that is the same, when the snapshot is %s', async (_how, damage) => {
    const { runbook, digest } = await find();
    const file = join(stateDirectory, 'runbooks', `${digest}.json`);
    await damage(file);
    expect(await store.pinned(target(digest))).toEqual(runbook);
    await put('recommendation.yaml', guideWith(['errorRate: 5%', 'errorRate: 50%']));
    await expect(store.pinned(target(digest))).rejects.toMatchObject({
      type: 'RunbookUnavailable',
      nonRetryable: false,
      message: expect.stringMatching(/Put the file back as it was, or give this worker the state directory/),
    });
    await find(); // makes the snapshot of the edited one, which helps nobody here
    await put('recommendation.yaml', GUIDE_TEXT);
    await find();
    expect(await store.pinned(target(digest))).toEqual(runbook);
  });

  test('never makes a path of a digest', async () => {
    await expect(store.pinned(target('../../runbooks/recommendation'))).rejects.toMatchObject({
      type: 'RunbookUnavailable',
      message: expect.stringContaining('its digest is no SHA-256'),
    });
  });
});

describe('pinnedOrCurrent, for the rollback', () => {
  test('is the pinned runbook without a notice', async () => {
    const { runbook, digest } = await find();
    expect(await store.pinnedOrCurrent(target(digest))).toEqual({ runbook });
  });

  test('is the current one, and says so, when the pinned one is lost', async () => {
    expect(await store.pinnedOrCurrent(target('0'.repeat(64)))).toEqual({
      runbook: guide(),
      notice: expect.stringContaining('acting by the runbook as it is now, not as it was at the start'),
    });
  });

  test('is tried again when there is neither', async () => {
    await rm(join(directory, 'recommendation.yaml'));
    await expect(store.pinnedOrCurrent(target('0'.repeat(64)))).rejects.toMatchObject({
      type: 'RunbookUnavailable',
      nonRetryable: false,
      message: expect.stringContaining('Nor is there a current one: no runbook for recommendation in production'),
    });
  });
});
