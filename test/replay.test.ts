import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { isClosed, PHASES } from '../src/domain/status.ts';
import { historyFile, readable, recordedHistories, recordedHistory } from './support/history.ts';
import { notReplayed, replay } from './support/replay.ts';
import { testBundle } from './support/temporal.ts';
import { ANNOUNCED, ANNOUNCED_WHEN_NEW, bundleVariant, type Change } from './support/variant.ts';

/**
 * Deployments under way survive an upgrade only if the new code replays their histories. Every kind of ending and every
 * phase is recorded (`RECORD_HISTORIES=1 npm test`); a change of the workflow that these do not survive needs `patched`:
 * docs/production.md. A paused activity is in no history.
 */
const names = recordedHistories();

const cleanUps: (() => Promise<void>)[] = [];
let errors: Map<string, Error>;
beforeAll(async () => {
  // Replays that fail on purpose are no news.
  const logging = { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) };
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging } });
  errors = await notReplayed(testBundle()); // by one worker: one for each history takes longer to start than to replay
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function bundleOf(changes: readonly Change[]): Promise<string> {
  const { codePath, remove } = await bundleVariant(changes);
  cleanUps.push(remove);
  return codePath;
}

test('every kind of ending is recorded', () => {
  const kinds = [
    'completed',
    'breach',
    'gate-timeout',
    'inconclusive',
    'failed',
    'aborted',
    'rejected',
    'cancelled',
    'checklist-failed',
    'invalid-request',
    'wrong-id',
    'rollback-stalled',
    'rollback-retried',
    'traffic-moved',
  ];
  expect(kinds.filter((kind) => !names.some((name) => name.startsWith(kind)))).toEqual([]);
});

test('every phase of a deployment under way is recorded', () => {
  const open = PHASES.filter((phase) => !isClosed(phase));
  expect(open.filter((phase) => !names.includes(`open-${phase}`))).toEqual([]);
});

test.each(names)('%s replays', (name) => {
  expect(errors.get(name)).toBeUndefined();
});

test('a change that skips the rollback is caught by the recorded histories', async () => {
  const changed = `${testBundle()}.changed.js`;
  const code = readFileSync(testBundle(), 'utf8');
  const broken = code.replaceAll('.restoreTraffic(', '.guardTraffic(');
  expect(broken).not.toBe(code);
  writeFileSync(changed, broken);
  await expect(replay(recordedHistory('breach-in-soak-1'), changed)).rejects.toThrow(DeterminismViolationError);
});

test('a step put in between is caught by every history that got so far, of open and of closed deployments', async () => {
  const caught = await notReplayed(await bundleOf(ANNOUNCED));
  const deployed = names.filter((name) => readFileSync(historyFile(name), 'utf8').includes('"deployGreen"'));
  expect([...caught.keys()].sort()).toEqual(deployed.sort());
  expect([...caught.values()].filter((error) => !(error instanceof DeterminismViolationError))).toEqual([]);
  expect(deployed.filter((name) => name.startsWith('open-')).length).toBeGreaterThan(5);
});

test('the same step under `patched` leaves every deployment that is under way as it is', async () => {
  expect(await notReplayed(await bundleOf(ANNOUNCED_WHEN_NEW))).toEqual(new Map());
});

test.each(names)('%s holds no path of the machine that recorded it', (name) => {
  expect(readable(readFileSync(historyFile(name), 'utf8'))).not.toMatch(/\bat (?:[^\n"]*\()?(?:file:\/\/)?\//);
});

/** Invariant 2, and nothing that an outsider could use: no URL, no command line, no secret in what the server keeps. */
test.each(names)('%s holds no URL, command or secret', (name) => {
  const text = readable(readFileSync(historyFile(name), 'utf8'));
  expect(text).not.toMatch(/(https?|postgres(ql)?):\/\//);
  expect(text).not.toMatch(/--service|--version|--percentage|little-command|process\.env/);
  expect(text).not.toMatch(/password|secret-/i);
});
