import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { warnOfUnusableNotifiers } from '../../src/notifications/at-start.ts';
import { createRunbookStore } from '../../src/runbook/store.ts';
import { folderState } from '../../src/state/folder.ts';
import { until } from '../checks/support/context.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { registry } from '../support/registry.ts';
import { uniqueQueue, uniqueService } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

test('a worker that starts names each channel whose variable is missing, its runbook and what to do, and runs', async () => {
  const production = await startLittleProduction(uniqueService(), {
    notifications: [
      { kind: 'webhook', urlEnv: 'CHAT_HOOK' },
      { kind: 'webhook', urlEnv: 'PAGER_HOOK' },
      { kind: 'webhook', urlEnv: 'MAIL_HOOK' },
    ],
  });
  cleanUps.push(() => production.stop());
  const folder = production.env['BLUEGREEN_RUNBOOKS'] ?? '';
  await writeFile(join(folder, 'broken.yaml'), 'service: 1\n');
  await writeFile(
    join(folder, 'other.yaml'),
    `${GUIDE_TEXT}\nnotifications: [{ kind: webhook, urlEnv: OTHER_HOOK }]\n`,
  );
  const env = { ...production.env, CHAT_HOOK: 'http://127.0.0.1:9/secret', MAIL_HOOK: 'hunter2' };

  const worker = startWorkerProcess(uniqueQueue(), env);
  cleanUps.push(() => worker.kill('SIGKILL'));
  await until(() => worker.log().includes('state=RUNNING'));

  const warnings = worker
    .log()
    .split('\n')
    .filter((line) => line.includes('cannot be sent'));
  expect(warnings).toEqual([
    expect.stringContaining(
      `other.yaml: notification 1 of 1 (webhook) cannot be sent: the worker's variable OTHER_HOOK is not set, expected a webhook's URL. To do: set OTHER_HOOK in the worker's environment and restart the worker, or correct "notifications" in the runbook.`,
    ),
    expect.stringContaining(
      `runbook.yaml: notification 2 of 3 (webhook) cannot be sent: the worker's variable PAGER_HOOK is not set, expected a webhook's URL. To do: set PAGER_HOOK`,
    ),
    expect.stringContaining(
      `runbook.yaml: notification 3 of 3 (webhook) cannot be sent: the worker's variable MAIL_HOOK holds no URL, expected a webhook's URL. To do: set MAIL_HOOK`,
    ),
  ]);
  expect(warnings.every((line) => line.includes(' WARN '))).toBe(true);
  expect(worker.log()).not.toMatch(/hunter2|secret/);
});

test('a folder of runbooks that cannot be read is a warning, too', async () => {
  const production = await startLittleProduction(uniqueService());
  cleanUps.push(() => production.stop());
  const folder = production.env['BLUEGREEN_RUNBOOKS'] ?? '';
  await rm(folder, { recursive: true });
  const warnings: string[] = [];
  const runbooks = createRunbookStore({ directory: folder, state: folderState(folder), format: registry.format });
  const log = { info() {}, warn: (message: string) => void warnings.push(message), error() {} };
  await warnOfUnusableNotifiers({ runbooks, registry, env: {} }, log);
  expect(warnings).toEqual(['The notifications of the runbooks could not be checked']);
});
