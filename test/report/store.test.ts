import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Poll } from '../../src/report/series.ts';
import { createReportStore, folderOf } from '../../src/report/store.ts';
import { type Files, folderState } from '../../src/state/folder.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const DEPLOYMENT = 'blue-green/production/shop/0198c1d2-run';
const counts = { requests: 10, failed: 1, slow: 0, meanMs: 12 };
const FILES: Files = { appendFile, mkdir, writeFile, rename };

function poll(at: number): Poll {
  return {
    soakStartedAt: 1_000,
    at,
    verdict: 'healthy',
    counted: { from: at - 1_000, to: at, green: counts, blue: counts },
  };
}

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'bluegreen-reports-'));
});
afterEach(async () => {
  await chmod(state, 0o700);
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
});

const never = (problem: string): void => {
  throw new Error(`it complained: ${problem}`);
};

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await isSo()); ) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('what workers noted is all there, in files of their own, also when one died in the middle of a line', async () => {
  const [first, second] = [createReportStore(folderState(state)), createReportStore(folderState(state))];
  first.note(DEPLOYMENT, poll(2_000), never);
  first.note(DEPLOYMENT, poll(3_000), never);
  await until(async () => (await first.polls(DEPLOYMENT)).length === 2);
  const series = join(state, 'reports/production/shop/0198c1d2-run/series');
  const [file = ''] = await readdir(series);
  await appendFile(join(series, file), `\n${JSON.stringify(poll(4_000)).slice(0, 40)}`); // the worker is killed here
  second.note(DEPLOYMENT, poll(5_000), never);
  await until(async () => (await second.polls(DEPLOYMENT)).length === 3);
  expect(await readdir(series)).toHaveLength(2);
  const polls = await second.polls(DEPLOYMENT);
  expect(polls.toSorted((a, b) => a.at - b.at)).toEqual([poll(2_000), poll(3_000), poll(5_000)]);
  expect(await second.polls('blue-green/production/shop/another-run')).toEqual([]);
});

test('lines that are no polls are left out', async () => {
  const series = join(state, folderOf(DEPLOYMENT), 'series');
  await mkdir(series, { recursive: true });
  const lines = ['', 'null', '[]', '{"at":1}', '{"soakStartedAt":1,"at":2,"counted":{}}', JSON.stringify(poll(2_000))];
  await writeFile(join(series, 'any.jsonl'), lines.join('\n'));
  await writeFile(join(series, 'any.txt'), JSON.stringify(poll(3_000)));
  expect(await createReportStore(folderState(state)).polls(DEPLOYMENT)).toEqual([poll(2_000)]);
});

test('a disk that is full is complained about once, and the next line is whole', async () => {
  let isFull = true;
  const full = createReportStore(
    folderState(state, {
      ...FILES,
      appendFile: async (...given) => {
        if (!isFull) return appendFile(...given);
        await appendFile(given[0], String(given[1]).slice(0, 20)); // what still fitted
        throw new Error('ENOSPC: no space left on device, write');
      },
    }),
  );
  const complaints: string[] = [];
  const note = (at: number) => full.note(DEPLOYMENT, poll(at), (problem) => complaints.push(problem));
  note(2_000);
  note(3_000);
  await until(() => complaints.length > 0);
  await until(async () => (await readdir(join(state, folderOf(DEPLOYMENT), 'series'))).length === 1);
  note(4_000);
  await new Promise((resolve) => setTimeout(resolve, 0));
  isFull = false;
  note(5_000);
  await until(async () => (await full.polls(DEPLOYMENT)).some(({ at }) => at === 5_000));
  expect(complaints).toEqual([expect.stringContaining('ENOSPC: no space left on device, write')]);
});

test('a disk that hangs holds nothing up: polls beyond the first hundred are dropped, and that is said once', async () => {
  let appended = 0;
  const hanging = createReportStore(
    folderState(state, {
      ...FILES,
      appendFile: () => {
        appended += 1;
        return new Promise(() => {});
      },
    }),
  );
  const complaints: string[] = [];
  for (let at = 1; at <= 300; at += 1) hanging.note(DEPLOYMENT, poll(at), (problem) => complaints.push(problem));
  await until(() => appended > 0);
  expect({ appended, complaints }).toEqual({ appended: 1, complaints: ['the state does not answer'] });
});

test('a report is kept whole or not at all, twice without harm', async () => {
  const store = createReportStore(folderState(state));
  expect(await store.keep(DEPLOYMENT, { 'report.md': 'one' })).toBe('reports/production/shop/0198c1d2-run');
  const where = await store.keep(DEPLOYMENT, { 'report.md': 'two' });
  expect(await readFile(join(state, where, 'report.md'), 'utf8')).toBe('two');
  const full = createReportStore(
    folderState(state, {
      ...FILES,
      writeFile: async (...given) => {
        await writeFile(given[0], 'thr');
        throw new Error('ENOSPC: no space left on device, write');
      },
    }),
  );
  await expect(full.keep(DEPLOYMENT, { 'report.md': 'three' })).rejects.toThrow('ENOSPC');
  expect(await readdir(join(state, where))).toEqual(['report.md']);
  expect(await readFile(join(state, where, 'report.md'), 'utf8')).toBe('two');
});

test('a folder that cannot be made fails the report, and only complains about a poll', async () => {
  await writeFile(join(state, 'reports'), 'a file where the folder should be'); // root may write anywhere else
  const store = createReportStore(folderState(state));
  await expect(store.keep(DEPLOYMENT, { 'report.md': 'x' })).rejects.toThrow(/EEXIST|ENOTDIR/);
  const complaints: string[] = [];
  store.note(DEPLOYMENT, poll(2_000), (problem) => complaints.push(problem));
  await until(() => complaints.length > 0);
  expect(complaints).toEqual([expect.stringMatching(/EEXIST|ENOTDIR/)]);
});

test.each([
  ['../../../etc/passwd/run', /^reports\/other\/_[0-9a-f]{32}$/],
  ['blue-green/../../run', /^reports\/_[0-9a-f]{32}\/_[0-9a-f]{32}\/run$/],
  ['blue-green/production/shop/../run', /^reports\/other\/_[0-9a-f]{32}$/],
  ['blue-green/production/shop/50 % \0', /^reports\/production\/shop\/_[0-9a-f]{32}$/],
  [`mine-${'x'.repeat(900)}/run`, /^reports\/other\/_[0-9a-f]{32}$/],
  ['blue-green/EU~prod/team~payments_api.v2/run', /^reports\/EU~prod\/team~payments_api\.v2\/run$/],
  ['', /^reports\/other\/_[0-9a-f]{32}$/],
])('the deployment %j has a folder of its own below the reports', (deployment, expected) => {
  expect(folderOf(deployment)).toMatch(expected);
});
