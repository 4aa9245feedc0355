import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { readable } from './support/history.ts';
import { testBundle } from './support/temporal.ts';

/**
 * Deployments under way survive an upgrade only if the new code replays their histories. Every kind of ending is
 * recorded (`RECORD_HISTORIES=1 npm test`); a change of the workflow that these do not survive needs `patched`.
 */
const folder = fileURLToPath(new URL('histories/', import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
});

function recorded(name: string) {
  return historyFromJSON(JSON.parse(readFileSync(`${folder}${name}`, 'utf8')));
}

/** Under its own workflow id: the id is the lock, and a deployment under another one would be refused. */
function replay(name: string, codePath: string = testBundle()): Promise<void> {
  const history = recorded(name);
  const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '';
  return Worker.runReplayHistory({ workflowBundle: { codePath } }, history, workflowId);
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

test.each(names)('%s replays', async (name) => {
  await replay(name);
});

test('a change that skips the rollback is caught by the recorded histories', async () => {
  const changed = `${testBundle()}.changed.js`;
  const code = readFileSync(testBundle(), 'utf8');
  const { writeFileSync } = await import('node:fs');
  const broken = code.replaceAll('restoreTraffic(input)', 'guardTraffic(input)');
  expect(broken).not.toBe(code);
  writeFileSync(changed, broken);
  await expect(replay('breach-in-soak-1.json', changed)).rejects.toThrow(/[Nn]ondeterminism/);
});

test.each(names)('%s holds no path of the machine that recorded it', (name) => {
  expect(readable(readFileSync(`${folder}${name}`, 'utf8'))).not.toMatch(/\bat (?:[^\n"]*\()?(?:file:\/\/)?\//);
});

/** Invariant 2, and nothing that an outsider could use: no URL, no command line, no secret in what the server keeps. */
test.each(names)('%s holds no URL, command or secret', (name) => {
  const text = readable(readFileSync(`${folder}${name}`, 'utf8'));
  expect(text).not.toMatch(/(https?|postgres(ql)?):\/\//);
  expect(text).not.toMatch(/--service|--version|--percentage|little-command|process\.env/);
  expect(text).not.toMatch(/password|secret-/i);
});
