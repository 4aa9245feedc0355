import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { DeploymentReport } from '../../src/domain/report.ts';
import { isPassed, isStuck } from '../../src/domain/status.ts';
import type { Fault } from '../../src/sandbox/index.ts';
import * as messages from '../../src/workflows/messages.ts';
import { sample } from '../chaos/support/seed.ts';
import { payloadsOf, readable } from '../support/history.ts';
import { useSandbox } from '../support/sandbox.ts';
import { keepHistory, observe, start, type TestDeployment, useTemporal } from '../support/temporal.ts';

/** The guide's runbook in the sandbox, with short lengths: real database, real service, real traffic, real commands. */

const temporal = useTemporal();
const scene = useSandbox({ pace: 'short', automaticRemedies: true });

async function deployment(body: (deployment: TestDeployment) => Promise<void>): Promise<void> {
  const request = { service: 'recommendation', version: '2.5.0', requestedBy: 'ana' };
  const handle = await start(temporal.client(), scene.taskQueue, request);
  const observed = observe(handle);
  try {
    const { checks } = await observed.until(({ phase, checks: all }) => phase === 'checking' && all.length > 0);
    for (const { id, checkedBy } of checks)
      if (checkedBy === 'person') await handle.signal(messages.attest, { check: id, by: 'ben' });
    await passChecklist(observed);
    await body(observed);
  } finally {
    await handle.terminate('the test is over').catch(() => {});
  }
}

/**
 * An alert about the release before may still fire, or a busy machine spoils the seconds in which something is measured, and
 * then nothing begins: a person waits, and has it measured again.
 */
async function passChecklist({ handle, until }: TestDeployment): Promise<void> {
  for (;;) {
    const now = await until((status) => status.steps.length > 0 || isStuck(status));
    if (now.steps.length > 0) return;
    for (const { id, result } of now.checks.filter((check) => !isPassed(check)))
      expect(`${id}: ${result?.summary}`).toMatch(/^(alerts|deployment-monitoring|load-test): /);
    await handle.signal(messages.recheck, { by: 'ben' });
    await until(({ rechecksAsked }) => rechecksAsked > now.rechecksAsked);
  }
}

async function trafficNow(): Promise<Record<string, number>> {
  const response = await fetch(`${scene.sandbox().controlUrl}/status`);
  return ((await response.json()) as { traffic: Record<string, number> }).traffic;
}

/** Some of them with each commit, all of them in `npm run test:chaos`. */
const FAULTS: readonly [string, Fault][] = [
  ['a release that answers 500 to some', { name: 'bad-release' }],
  ['an index that disappears while green serves', { name: 'missing-index' }],
  ['a release that leaks connections at 50 %', { name: 'pool-exhaustion' }],
  [
    'a release that leaks connections after a while at 100 %',
    { name: 'pool-exhaustion', atPercentage: 100, afterMs: 5_000 },
  ],
];

test.each(sample(FAULTS, 1))('%s is rolled back: blue serves, verified, within the target', async (_, fault) => {
  await scene.sandbox().inject(fault);
  await deployment(async ({ handle, until }) => {
    await until(({ steps, phase }) => steps.length > 0 || phase === 'rolled-back');
    await handle.signal(messages.approve, { by: 'ana' });
    const error = await handle.result().catch((thrown: unknown) => thrown);
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    const report = error.cause.details?.[0] as DeploymentReport;
    expect(report).toMatchObject({ outcome: 'rolled-back', rollback: { cause: 'breach', withinTarget: true } });
    expect(report.steps.at(-1)?.percentage).toBe(fault.atPercentage ?? 50);
    expect(report.rollback?.recovered?.requests).toBeGreaterThanOrEqual(50);
    expect(await trafficNow()).toEqual({ '2.4.0': 100 });
    await keepHistory(`sandbox-${fault.name}-${fault.atPercentage ?? 50}`, handle);
  });
  await scene.sandbox().clearFault();
});

test('a healthy release is completed; the checks measured the real thing; no secret reaches history, status or log', async () => {
  await deployment(async ({ handle, until, status }) => {
    await until(({ checks }) => checks.every(isPassed));
    await until(({ phase }) => phase === 'soaking');
    await handle.signal(messages.approve, { by: 'ana' });
    const report = await handle.result();
    expect(report.outcome).toBe('completed');
    expect(report.checks).toHaveLength(8); // the guide's seven, and one of green itself
    for (const { result, outcome } of report.checks)
      if (outcome !== 'attested') expect(result?.evidence.length).toBeGreaterThan(0);
    expect(await trafficNow()).toMatchObject({ '2.5.0': 100 });

    const history = historyToJSON(await handle.fetchHistory());
    expect(payloadsOf(history).length).toBeGreaterThan(20);
    const { password } = new URL(scene.sandbox().databaseUrl);
    expect(password).not.toBe('');
    for (const text of [JSON.stringify(await status()), scene.worker().log(), readable(history)]) {
      expect(text).not.toContain(password);
      expect(text).not.toMatch(/(https?|postgres(ql)?):\/\//);
      expect(text).not.toMatch(/--service|--percentage/);
    }
    await keepHistory('sandbox-completed', handle);
  });
});

test('each change reached the platform once, under an operation id of its own', async () => {
  const lines = (await readFile(scene.sandbox().auditFile, 'utf8')).trim().split('\n');
  const changes = lines
    .map((line) => JSON.parse(line) as { command: string; operation?: string; attempt?: number })
    .filter(({ command }) => command !== 'traffic-status');
  expect(changes.length).toBeGreaterThan(3); // those of the completed release, and of the faults that this run tries
  const operations = changes.map(({ operation }) => operation);
  expect(operations.every((operation) => operation?.startsWith('blue-green/production/recommendation/'))).toBe(true);
  expect(new Set(operations).size).toBe(operations.length);
});
