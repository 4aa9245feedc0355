import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { defaultPayloadConverter } from '@temporalio/client';
import { execa } from 'execa';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { trafficIn } from '../../src/cli/view/last-known.ts';
import { stripControlCharacters } from '../../src/cli/view/output.ts';

test('text of others changes neither the screen nor its direction', () => {
  expect(stripControlCharacters('evil\u202eana \u001b[2J\u2028x\u2066y\u200e z')).toBe('evil ana  [2J x y  z');
  expect(stripControlCharacters('Ana Müller 🚀\nand שלום')).toBe('Ana Müller 🚀\nand שלום');
});

test('output that cannot be written is an error, and a reader that goes is none', async () => {
  const cli = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));
  const run = (script: string) =>
    execa('/bin/bash', ['-o', 'pipefail', '-c', script, 'sh', process.execPath, '--import', 'tsx', cli], {
      reject: false,
    });
  const full = await run('"$@" runbook schema > /dev/full');
  expect(full.exitCode).toBe(EXIT.unexpected);
  expect(full.stderr).toMatch(/^The output could not be written: .*ENOSPC/);
  expect(await run('"$@" runbook schema | head -1')).toMatchObject({ exitCode: EXIT.ok, stdout: '{', stderr: '' });
});

test('of a rollback of its own the traffic is not known before it was read', () => {
  const started = { workflowExecutionStartedEventAttributes: { workflowType: { name: 'blueGreenRollback' } } };
  const scheduled = { eventId: 5, activityTaskScheduledEventAttributes: { activityType: { name: 'resolveRollback' } } };
  const result = { payloads: [defaultPayloadConverter.toPayload({ greenPercentage: 100 })] };
  const resolved = { activityTaskCompletedEventAttributes: { scheduledEventId: 5, result } };
  const read = (...events: object[]) => trafficIn({ events });
  expect(read(started, scheduled)).toBeUndefined();
  expect(read(started, scheduled, resolved)).toEqual({ greenPercentage: 100 });
});
