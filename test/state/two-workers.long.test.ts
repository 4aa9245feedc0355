import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createReportStore } from '../../src/report/store.ts';
import { openState } from '../../src/state/open.ts';
import { eventually } from '../chaos/support/scene.ts';
import { startPostgres } from '../checks/support/postgres.ts';
import { describeWith } from '../support/installed.ts';
import { type Link, startLink } from '../support/link.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { findS3Server, startS3 } from '../support/s3.ts';
import { observe, start, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** Workers that share no disk: a deployment that one began is finished by the other, by the runbook of its start. */

const temporal = useTemporal();
const program = await findS3Server();
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Shared {
  readonly link: Link;
  readonly env: Readonly<Record<string, string>>;
}

async function postgres(): Promise<Shared> {
  const server = await startPostgres();
  cleanUps.push(() => server.stop());
  const link = await startLink(server.port);
  cleanUps.push(() => link.cut());
  return { link, env: { BLUEGREEN_STATE_URL: server.url({ port: link.port }) } };
}

async function bucket(): Promise<Shared> {
  const server = await startS3(program ?? '');
  cleanUps.push(() => server.stop());
  const link = await startLink(server.port);
  cleanUps.push(() => link.cut());
  return { link, env: server.env(link.port) };
}

async function scene({ env }: Shared, changes: Record<string, unknown>) {
  const service = uniqueService();
  const taskQueue = `state-${randomUUID()}`;
  const production = await startLittleProduction(service, changes);
  cleanUps.push(() => production.stop());
  const elsewhere = await mkdtemp(join(tmpdir(), 'bluegreen-elsewhere-'));
  cleanUps.push(() => rm(elsewhere, { recursive: true, force: true, maxRetries: 5 }));
  const worker = (more: Readonly<Record<string, string>> = {}) => {
    const started = startWorkerProcess(taskQueue, { ...production.env, ...env, ...more });
    cleanUps.push(() => started.kill('SIGKILL'));
    return started;
  };
  return {
    production,
    first: worker(),
    /** On another machine, where the runbook of this deployment is not to be had any more. */
    startSecond: () => worker({ BLUEGREEN_RUNBOOKS: elsewhere, BLUEGREEN_STATE: join(elsewhere, 'state') }),
    async deploy() {
      const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
      cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
      return observe(handle, 60_000);
    },
  };
}

const SOAK = {
  traffic: [
    { percentage: 50, soak: '6s' },
    { percentage: 100, soak: '2s' },
  ],
  checklist: [],
};

function finishesWhatTheOtherBegan(share: () => Promise<Shared>): void {
  test('the first worker is killed in the soak, and the second completes it and writes the whole report', async () => {
    const shared = await share();
    const { production, first, startSecond, deploy } = await scene(shared, SOAK);
    const { handle, until, untilPhase } = await deploy();
    await untilPhase('soaking');
    await first.kill('SIGKILL');
    startSecond();
    expect((await handle.result()).outcome).toBe('completed');
    expect(production.audit.map(({ command, argument }) => `${command} ${argument}`)).toEqual([
      'deploy 2.5.0',
      'shift 50',
      'shift 100',
    ]);
    const state = await openState({ ...shared.env });
    cleanUps.push(() => state.close());
    const deployment = `${handle.workflowId}/${(await handle.describe()).runId}`;
    const polls = await createReportStore(state).polls(deployment);
    expect(new Set(polls.map(({ soakStartedAt }) => soakStartedAt)).size).toBe(2);
    const { where } = (await until(({ report }) => report !== undefined)).report as { where: string };
    expect(await state.read(`${where}/report.html`)).toMatch(/^<!doctype html>/);
  });

  test('while the state is away nothing begins and what runs goes on, also into a rollback', async () => {
    const shared = await share();
    const { production, deploy } = await scene(shared, SOAK);
    await shared.link.cut();
    const { handle, untilPhase } = await deploy();
    await eventually(async () => {
      const { raw } = await handle.describe();
      return (raw.pendingActivities ?? []).some(({ lastFailure }) => lastFailure?.message?.includes('cannot be kept'));
    }, 'the reason why it does not begin');
    expect(production.audit).toEqual([]);
    await shared.link.heal();
    await untilPhase('soaking');
    await shared.link.cut();
    production.fail('2.5.0', 0.5);
    await untilPhase('rolled-back');
    expect(production.share()).toBe(0);
  });
}

describe('workers that share a PostgreSQL', () => finishesWhatTheOtherBegan(postgres));
describeWith(program, 'versitygw')('workers that share a bucket', () => finishesWhatTheOtherBegan(bucket));
