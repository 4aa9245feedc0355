import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { digestOf } from '../../src/runbook/digest.ts';
import { loadRunbook, loadRunbookOrBase, parseRunbook } from '../../src/runbook/load.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { createRunbookStore } from '../../src/runbook/store.ts';
import { folderState } from '../../src/state/folder.ts';
import { format } from '../support/registry.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-extends-'));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

async function put(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const BASE = `
environment: production
platform:
  kind: command
  deploy: [deploy, "{service}", "{version}"]
  health: { url: "http://127.0.0.1:9000/{service}/{version}" }
  shiftTraffic: [shift, "{service}", "{percentage}"]
  rollback: [rollback, "{service}"]
  status: [status, "{service}"]
metrics:
  kind: prometheus
  url: http://127.0.0.1:9090
  selector: { service: shop }
  requests: http_requests_total
  latency: http_request_duration_seconds
limits:
  errorRate: 5%
  latency: { quantile: 0.95, under: 500ms }
traffic:
  - { percentage: 50, soak: 10m }
  - { percentage: 100, soak: 10m }
checklist:
  - { id: platform, title: The platform is ready, group: Platform, critical: true, kind: platform-ready }
  - { id: load, title: It was tested, group: Testing, kind: attestation, statement: It was tested under load. }
`;

const read = async (text: string, base = BASE): Promise<Runbook> => {
  await put('base.yaml', base);
  return loadRunbook(await put('shop.yaml', `extends: base.yaml\nservice: shop\n${text}`), format);
};
const problemsOf = async (reading: Promise<unknown>): Promise<string> => {
  const error = await reading.then(
    () => new Error('it was read'),
    (reason: unknown) => reason,
  );
  return (error instanceof Error ? error.message : String(error)).replaceAll(`${folder}/`, '');
};

describe('a runbook that extends another', () => {
  test('merges maps at every depth and replaces lists and values', async () => {
    const runbook = await read('limits: { latency: { under: 1s } }\ntraffic: [{ percentage: 100, soak: 5m }]');
    expect(runbook).toMatchObject({
      service: 'shop',
      environment: 'production',
      limits: { errorRate: 0.05, latency: { quantile: 0.95, under: 1_000 } },
      traffic: [{ percentage: 100, soak: 300_000 }],
    });
    expect(runbook).not.toHaveProperty('extends');
  });

  test('is the same, with the same digest, as one file that says it all', async () => {
    const whole = parseRunbook(`service: shop\n${BASE}`.replace('5%', '2%'), { file: 'x.yaml', format });
    const runbook = await read('limits: { errorRate: 2% }');
    expect(runbook).toEqual(whole);
    expect(digestOf(runbook)).toBe(digestOf(whole));
    expect(digestOf(await read('limits: { errorRate: 2% }', BASE.replace('500ms', '400ms')))).not.toBe(digestOf(whole));
  });

  test('merges checks by their id: the order is that of the base, new ones follow', async () => {
    const { checklist } = await read(`checklist:
  - { id: flag, title: The flag is off, group: Release, kind: attestation, statement: It is off. }
  - { id: load, critical: true }`);
    expect(checklist.map(({ id }) => id)).toEqual(['platform', 'load', 'flag']);
    expect(checklist[1]).toMatchObject({ title: 'It was tested', critical: true });
  });

  test('replaces a map that has another kind, and removes what has no value', async () => {
    const runbook = await read(`platform: { status: }
metrics: { kind: scrape, targets: ["http://127.0.0.1:9000/metrics"], requests: requests_total }
limits: { latency: ~ }
checklist: [{ id: load, title: It answers, group: Testing, kind: http, url: "http://127.0.0.1:9000/" }]`);
    expect(runbook.metrics).toMatchObject({ kind: 'scrape', requests: 'requests_total' });
    expect(runbook.metrics).not.toHaveProperty('url');
    expect(runbook.limits).toEqual({ errorRate: 0.05 });
    expect(runbook.router).not.toHaveProperty('status');
    expect(runbook.checklist[1]).not.toHaveProperty('statement');
  });

  test('finds the other file relative to its own folder, also over several steps', async () => {
    await put('bases/all.yaml', BASE);
    await put('bases/slow.yaml', 'extends: ./all.yaml\nlimits: { latency: { under: 3s } }');
    const file = await put('shops/shop.yaml', 'extends: ../bases/slow.yaml\nservice: shop');
    expect(await loadRunbook(file, format)).toMatchObject({ limits: { errorRate: 0.05, latency: { under: 3_000 } } });
  });

  test('names for each mistake the file and the line in which it stands', async () => {
    const base = BASE.replace('errorRate: 5%', 'errorRate: 5').replace('critical: true, kind', 'critcal: true, kind');
    const text = 'traffic: [{ percentage: 100, soak: ten }]\nchecklist:\n  - { id: load, statment: no }';
    const lineOf = (part: string) => base.split('\n').findIndex((line) => line.includes(part)) + 1;
    const problems = (await problemsOf(read(text, base))).replaceAll(/:(\d+):\d+: /g, ':$1: ').split('\n');
    expect(problems).toEqual([
      `base.yaml:${lineOf('errorRate: 5')}: limits.errorRate: found 5, expected a share such as 5% or 0.5%`,
      `base.yaml:${lineOf('critcal')}: checklist[0].critcal: unknown key "critcal", did you mean "critical"?`,
      'shop.yaml:3: traffic[0].soak: found "ten", expected a duration such as 90s, 10m or 4h',
      'shop.yaml:5: checklist[1].statment: unknown key "statment", did you mean "statement"?',
    ]);
  });

  test('that extends itself, by whatever way, is refused with the place', async () => {
    await put('base.yaml', 'extends: ./shop.yaml');
    const file = await put('shop.yaml', 'service: shop\nextends: base.yaml');
    expect(await problemsOf(loadRunbook(file, format))).toBe(
      'base.yaml:1:10: extends: this file extends itself by ./shop.yaml\nshop.yaml:2:10: extends: the file that it names cannot be used',
    );
  });

  test.each([
    ['none.yaml', 'none.yaml: there is no such file'],
    ['.', 'found a folder, expected a file'],
    ['broken.yaml', 'broken.yaml:1:'],
    ['secret.txt', 'secret.txt: found text, expected a map'],
    ['pipe', 'pipe: found a pipe or device, expected a file'],
    ['[a, b]', 'extends: expected the path of another file'],
  ])('a file that cannot be extended is named, and nothing of it is shown (%s)', async (name, message) => {
    await put('broken.yaml', 'password: [hunter2');
    await put('secret.txt', 'hunter2');
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')]);
    const problems = await problemsOf(loadRunbook(await put('shop.yaml', `extends: ${name}\nservice: shop`), format));
    expect(problems).toContain(message);
    expect(problems).toContain('shop.yaml:1:10: extends: ');
    expect(problems).not.toContain('hunter2');
  });

  test('files made to break the merge are refused', async () => {
    await put('base.yaml', 'a: &a { a: *a }');
    const file = await put('shop.yaml', 'extends: base.yaml\nservice: shop\na: &a { a: *a }');
    expect(await problemsOf(loadRunbook(file, format))).toContain(
      'shop.yaml: cannot be read as YAML: it is nested too deeply',
    );
  });

  test('a text without a file cannot extend one', () => {
    expect(() => parseRunbook(`extends: base.yaml\nservice: shop\n${BASE}`, { file: 'x.yaml', format })).toThrow(
      'x.yaml:1:10: extends: expected no such key here',
    );
  });
});

describe('a base', () => {
  const store = () => createRunbookStore({ directory: folder, state: folderState(join(folder, 'state')), format });

  test('has no service: it is no runbook, and its own mistakes are found', async () => {
    expect(await loadRunbookOrBase(await put('base.yaml', BASE), format)).toBeUndefined();
    const reading = loadRunbookOrBase(await put('base.yaml', BASE.replace('errorRate', 'errorrate')), format);
    expect(await problemsOf(reading)).toMatch(
      /^base\.yaml:\d+:\d+: limits\.errorrate: unknown key "errorrate", did you mean "errorRate"\?$/,
    );
    const misspelt = loadRunbookOrBase(await put('base.yaml', `servise: shop\n${BASE}`), format);
    expect(await problemsOf(misspelt)).toContain('unknown key "servise", did you mean "service"?');
  });

  test('in the folder of runbooks belongs to no service, and is listed where a runbook is missing', async () => {
    await read('');
    expect((await store().inPlace()).runbooks.map(({ file }) => file)).toEqual([join(folder, 'shop.yaml')]);
    await expect(store().find('search', 'production')).rejects.toThrow('base.yaml: no service, only a base for others');
    expect(await store().find('shop', 'production')).toMatchObject({ runbook: { service: 'shop' } });
  });

  test('that changes counts for the next deployment without a restart, and not for one that runs', async () => {
    await read('');
    const runbooks = store();
    const before = await runbooks.find('shop', 'production');
    await put('base.yaml', BASE.replace('5%', '1%'));
    const after = await runbooks.find('shop', 'production');
    expect([before, after].map(({ runbook }) => runbook.limits.errorRate)).toEqual([0.05, 0.01]);
    expect(after.digest).not.toBe(before.digest);
    const target = { deployment: '', service: 'shop', environment: 'production', blue: '1', green: '2' };
    expect(await runbooks.pinned({ ...target, digest: before.digest })).toEqual(before.runbook);
  });
});

test('the files of docs/runbooks.md are as that page says', async () => {
  const page = await readFile(new URL('../../docs/runbooks.md', import.meta.url), 'utf8');
  const [base = '', shop = ''] = [...page.matchAll(/```yaml\n([^`]*)```/g)].map(([, text = '']) => text);
  expect(await loadRunbookOrBase(await put('base.yaml', base), format)).toBeUndefined();
  const { limits, checklist } = await loadRunbook(await put('shop.yaml', shop), format);
  expect(limits).toEqual({ errorRate: 0.05, latency: { quantile: 0.95, under: 1_000 } });
  expect(checklist.map(({ id }) => id)).toEqual(['platform', 'monitoring', 'flag']);
});

test('runbooks in a ConfigMap are found behind its links, and a new version of it counts without a restart', async () => {
  const directory = join(folder, 'mounted');
  await mkdir(directory);
  const publish = async (name: string, base: string): Promise<void> => {
    await put(`mounted/${name}/base.yaml`, base);
    await put(`mounted/${name}/shop.yaml`, 'extends: base.yaml\nservice: shop');
    await symlink(name, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  await publish('..2026_01', BASE);
  for (const name of ['base.yaml', 'shop.yaml']) await symlink(join('..data', name), join(directory, name));
  const store = createRunbookStore({ directory, state: folderState(join(folder, 'state')), format });
  expect((await store.find('shop', 'production')).runbook.limits.errorRate).toBe(0.05);
  await publish('..2026_02', BASE.replace('5%', '1%'));
  expect((await store.find('shop', 'production')).runbook.limits.errorRate).toBe(0.01);
  expect((await store.inPlace()).runbooks).toHaveLength(1);
});
