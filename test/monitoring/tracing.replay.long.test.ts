import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import type { InjectedSinks } from '@temporalio/worker';
import { bundleFile, bundleWorkflows } from '../../src/worker/workflow-bundle.ts';
import * as messages from '../../src/workflows/messages.ts';
import type { History } from '../support/history.ts';
import { notReplayed, replay } from '../support/replay.ts';
import { observe, start, type TestDeployment, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { CHECKS, type Script, world } from '../support/world.ts';

/** Traces on or off change no step: what began with them replays without, and the other way round. */

const temporal = useTemporal();
/** Takes the spans of workflows, as the plugin's does. */
const SINKS: InjectedSinks<{ exporter: { export(spans: unknown[]): void } }> = { exporter: { export: { fn() {} } } };

let folder: string;
let tracedBundle: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-traced-'));
  tracedBundle = join(folder, bundleFile({ traced: true }));
  await writeFile(tracedBundle, (await bundleWorkflows({ traced: true })).code);
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('every recorded history, of endings and of deployments under way, replays with traces turned on', async () => {
  expect(await notReplayed(tracedBundle, SINKS)).toEqual(new Map());
});

/** Rounds of a rollback fail until it is fixed; they tell people and set timers at once: an order that could change. */
let isMended = false;
const failing: Script = {
  activities: {
    restoreTraffic: async () => {
      if (!isMended) throw ApplicationFailure.nonRetryable('no rollback today');
      return { startedAt: Date.now(), restoredAt: Date.now(), evidence: [] };
    },
  },
};

const attested = { checks: [CHECKS.critical, CHECKS.ordinary, CHECKS.person] };
const breach: Script = { watch: ({ number }) => (number === 1 ? { verdict: 'breached', reason: 'bad' } : undefined) };

const STORIES: readonly [string, Script, (deployment: TestDeployment) => Promise<void>][] = [
  [
    'completed, after checks and an approval',
    attested,
    async ({ handle, untilPhase }) => {
      await untilPhase('checking');
      await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
      await untilPhase('awaiting-approval');
      await handle.executeUpdate(messages.decide, { args: [{ action: 'approve', by: 'ana' }] });
    },
  ],
  ['a breach', breach, async () => {}],
  [
    'a rollback that stalled and was asked for another round',
    { ...breach, ...failing },
    async ({ handle, until }) => {
      await until(({ rollback }) => (rollback?.round ?? 0) > 2);
      isMended = true;
      await handle.signal(messages.retryRollback, { by: 'ana' });
    },
  ],
  [
    'cancelled while it soaked',
    {},
    async ({ handle, untilPhase }) => {
      await untilPhase('soaking');
      await handle.cancel();
    },
  ],
  [
    'rejected at the gate',
    {},
    async ({ handle, untilPhase }) => {
      await untilPhase('awaiting-approval');
      await handle.signal(messages.reject, { by: 'ana', reason: 'not today' });
    },
  ],
];

/** The history of a deployment whose workflow ran with traces. */
async function historyOf(script: Script, act: (deployment: TestDeployment) => Promise<void>): Promise<History> {
  const taskQueue = uniqueQueue();
  const options = { workflowBundle: { codePath: tracedBundle }, sinks: SINKS };
  const worker = await temporal.startWorker(world(script).activities, taskQueue, options);
  try {
    const handle = await start(temporal.client(), taskQueue, { service: uniqueService(), version: '2.5.0' });
    await act(observe(handle));
    await handle.result().catch(() => {}); // how it ends is the story's
    return await handle.fetchHistory();
  } finally {
    await worker.stop();
  }
}

test.each(STORIES)('%s: recorded with traces, it replays without', async (_, script, act) => {
  const history = await historyOf(script, act);
  expect(JSON.stringify(history)).toContain('_tracer-data');
  await replay(history);
});
