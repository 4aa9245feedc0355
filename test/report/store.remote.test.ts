import { expect, jest, test } from '@jest/globals';
import type { Poll } from '../../src/report/series.ts';
import { createReportStore } from '../../src/report/store.ts';
import { digestOf } from '../../src/runbook/digest.ts';
import { createSnapshots } from '../../src/runbook/snapshots.ts';
import { type StateStore, StateUnavailable } from '../../src/state/store.ts';
import { guide } from '../runbook/support.ts';

/** How a store over a network is used: test/state has the real ones. */

const DEPLOYMENT = 'blue-green/production/shop/run-1';
const poll = (at: number): Poll => ({ soakStartedAt: 1, at, verdict: 'healthy' });

interface Remote extends StateStore {
  away: boolean;
  readonly asked: string[];
}

function remote(): Remote {
  const texts = new Map<string, string>();
  const asked: string[] = [];
  const answer = <T>(what: string, act: () => T): Promise<T> => {
    asked.push(what);
    return store.away ? Promise.reject(new StateUnavailable('the bucket b cannot be reached')) : Promise.resolve(act());
  };
  const store: Remote = {
    away: false,
    asked,
    isRemote: true,
    describe: (name) => `${name} in the bucket b`,
    read: (name) => answer(`read ${name}`, () => texts.get(name)),
    write: (name, text) => answer(`write ${name}`, () => void texts.set(name, text)),
    append: (folder, text) => answer('append', () => void texts.set(`${folder}/${texts.size}`, text)),
    readAppended: (folder) =>
      answer('list', () => [...texts].flatMap(([name, text]) => (name.startsWith(`${folder}/`) ? [text] : []))),
    close: async () => {},
  };
  return store;
}

test('polls are gathered and written in one piece, 15 s after the first', async () => {
  jest.useFakeTimers();
  try {
    const state = remote();
    const store = createReportStore(state);
    for (const at of [1, 2, 3]) store.note(DEPLOYMENT, poll(at), () => {});
    await jest.advanceTimersByTimeAsync(14_999);
    expect(state.asked).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(state.asked).toEqual(['append']);
    expect(await createReportStore(state).polls(DEPLOYMENT)).toEqual([poll(1), poll(2), poll(3)]);
  } finally {
    jest.useRealTimers();
  }
});

test('polls wait while the store is away, up to a hundred, and that is said once', async () => {
  const state = remote();
  const store = createReportStore(state);
  const complaints: string[] = [];
  const note = (at: number) => store.note(DEPLOYMENT, poll(at), (problem) => complaints.push(problem));
  state.away = true;
  note(1);
  await store.flush(DEPLOYMENT);
  for (let at = 2; at <= 150; at += 1) note(at);
  await store.flush(DEPLOYMENT);
  expect(complaints).toEqual(['the bucket b cannot be reached']);
  state.away = false;
  expect(await store.polls(DEPLOYMENT)).toHaveLength(100);
  note(151);
  await store.flush(DEPLOYMENT);
  expect(await createReportStore(state).polls(DEPLOYMENT)).toHaveLength(101);
});

test('a write that failed and is there after all is not counted twice', async () => {
  const state = remote();
  const { append } = state;
  let fails = true;
  const store = createReportStore({
    ...state,
    append: async (folder, text) => {
      await append(folder, text);
      if (fails) throw new StateUnavailable('no answer within 5 s');
    },
  });
  store.note(DEPLOYMENT, poll(1), () => {});
  await store.flush(DEPLOYMENT);
  fails = false;
  expect(await store.polls(DEPLOYMENT)).toEqual([poll(1)]);
  expect(state.asked.filter((what) => what === 'append')).toHaveLength(2);
});

test('a runbook that this worker has used is there while the store is away; another one is not', async () => {
  const state = remote();
  const [snapshots, other] = [createSnapshots(state), createSnapshots(state)];
  const runbook = guide();
  const digest = digestOf(runbook);
  await snapshots.write({ runbook, digest });
  state.away = true;
  expect(await snapshots.read(digest)).toEqual({ runbook });
  expect(await other.read(digest)).toEqual({ problem: 'the bucket b cannot be reached' });
  await expect(other.write({ runbook, digest })).rejects.toMatchObject({
    type: 'RunbookUnavailable',
    nonRetryable: false,
    message: "the runbook's snapshot cannot be kept: the bucket b cannot be reached",
  });
});

test('a snapshot that was changed in the store is not used, and is written anew', async () => {
  const state = remote();
  const runbook = guide();
  const digest = digestOf(runbook);
  await state.write(`runbooks/${digest}.json`, JSON.stringify({ ...runbook, service: 'another' }));
  const snapshots = createSnapshots(state);
  expect(await snapshots.read(digest)).toEqual({ problem: `runbooks/${digest}.json in the bucket b is damaged` });
  await snapshots.write({ runbook, digest });
  expect(await createSnapshots(state).read(digest)).toEqual({ runbook });
});
