import { randomUUID } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import * as messages from '../../src/workflows/messages.ts';
import { startPostgres } from '../checks/support/postgres.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, start, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import {
  approve,
  attest,
  eventually,
  GREEN,
  replaceWorker,
  type Scene,
  type SceneOptions,
  startScene,
} from './support/scene.ts';
import { everything, sample, seeded } from './support/seed.ts';
import { accountOf, endingOf } from './support/witness.ts';

/** One part after the other is gone, slow or lies. */

const temporal = useTemporal();
const COMPLETED = { outcome: 'completed', effects: [`deploy ${GREEN}`, 'shift 50', 'shift 100'], greenShare: 1 };
const ROLLED_BACK = [`deploy ${GREEN}`, 'shift 50', 'rollback blue'];

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function scene(options: Omit<SceneOptions, 'client'> = {}): Promise<Scene> {
  const one = await startScene({ client: temporal.client(), ...options });
  cleanUps.push(() => one.close());
  return one;
}

/** Aborted during the soak, and the rollback command does this meanwhile. */
async function abortWhile(how: 'fail' | 'hang' | 'lie', times: number, changes = {}): Promise<Scene> {
  const aborted = await scene({
    changes: { recovery: { pause: '200ms', guard: '500ms', round: '1m' }, ...changes },
  });
  await attest(aborted);
  await aborted.untilPhase('soaking');
  aborted.production.misbehave('rollback', how, times);
  await aborted.handle.signal(messages.abort, { by: 'ana' });
  return aborted;
}

/** Rolled back in so many rounds, each an operation of its own. */
async function expectRounds({ handle, production, ...rest }: Scene, rounds: number): Promise<void> {
  const { outcome, report } = await endingOf(handle);
  expect({ outcome, round: report?.rollback?.round, share: production.share() }).toEqual({
    outcome: 'DeploymentRolledBack',
    round: rounds,
    share: 0,
  });
  const asked = production.audit.filter(({ command }) => command === 'rollback');
  expect(new Set(asked.map(({ operation }) => operation)).size).toBe(rounds);
  if (rounds > 1) expect(rest.worker().log()).toContain('has stalled (round 1)');
}

/** Blind after the first second at 50 %, in a soak that may last so many times its length. */
async function blindAt50(forMs: number, maxSoakFactor: number): Promise<Scene> {
  const blind = await scene({
    changes: {
      traffic: [
        { percentage: 50, soak: '4s', approval: {} },
        { percentage: 100, soak: '1s' },
      ],
      watch: { maxSoakFactor },
    },
  });
  await attest(blind);
  await blind.untilPhase('soaking');
  blind.production.misbehave('metrics', 'fail');
  await new Promise((resolve) => setTimeout(resolve, forMs));
  return blind;
}

type Part = readonly [string, () => Promise<void>];

const METRICS: readonly Part[] = [
  [
    'the metrics are down for less than the watch can spare: completed',
    async () => {
      const blind = await blindAt50(1_500, 10);
      blind.production.misbehave('metrics', 'well');
      await approve(blind);
      expect(await accountOf(blind)).toEqual(COMPLETED);
    },
  ],
  [
    'the metrics stay down: rolled back without a verdict, and blue is believed when it is seen again',
    async () => {
      const blind = await blindAt50(0, 2);
      const status = await blind.until(({ rollback }) => rollback?.restored !== undefined);
      expect(status.rollback?.cause).toBe('inconclusive');
      expect(blind.production.share()).toBe(0);
      expect(status.rollback?.recovered).toBeUndefined();
      blind.production.misbehave('metrics', 'well');
      expect(await accountOf(blind)).toMatchObject({ outcome: 'DeploymentRolledBack', effects: ROLLED_BACK });
    },
  ],
];

const ROLLBACKS: readonly Part[] = [
  ['the rollback command fails once', async () => expectRounds(await abortWhile('fail', 1), 2)],
  ['the rollback command fails 5 times', async () => expectRounds(await abortWhile('fail', 5), 6)],
  ['the rollback command fails 50 times', async () => expectRounds(await abortWhile('fail', 50), 51)],
  [
    'the rollback command hangs until its time is over',
    async () => expectRounds(await abortWhile('hang', 2, { router: { timeout: '2s' } }), 3),
  ],
  [
    'the rollback command exits 0 without effect',
    async () => {
      const lied = await abortWhile('lie', 1, { router: { timeout: '2s' } });
      await expectRounds(lied, 2);
      expect(lied.worker().log()).toContain('the traffic is not back');
    },
  ],
];

const PEOPLE_AND_WORKERS: readonly Part[] = [
  [
    'nobody can be told: completed all the same',
    async () => {
      const silent = await scene({
        changes: { notifications: [{ kind: 'webhook', urlEnv: 'NOBODY' }] },
        env: { NOBODY: 'http://127.0.0.1:9/' },
      });
      await attest(silent);
      await approve(silent);
      expect(await accountOf(silent)).toEqual(COMPLETED);
      expect(silent.worker().log()).toContain('the webhook in NOBODY could not be reached');
    },
  ],
  [
    'nobody can be told: rolled back all the same',
    async () => {
      const silent = await scene({
        changes: { notifications: [{ kind: 'webhook', urlEnv: 'NOBODY' }] },
        env: { NOBODY: 'http://127.0.0.1:9/' },
        prepare: (production) => production.fail(GREEN, 0.5),
      });
      await attest(silent);
      expect(await accountOf(silent)).toMatchObject({ outcome: 'DeploymentRolledBack', effects: ROLLED_BACK });
    },
  ],
  [
    'two workers at once: every effect once',
    async () => {
      const both = await scene();
      both.startWorker();
      await attest(both);
      await approve(both);
      expect(await accountOf(both)).toEqual(COMPLETED);
      expect(both.production.audit.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    },
  ],
  ['ten deployments of ten services at once, by two workers: each ends as it has to', tenAtOnce],
  ['the database is gone during the checks: it waits, in sight, and goes on when it is back', databaseGone],
  ['the worker is killed while it builds an index: built once', killedWhileItBuilds],
  ['the database is killed while it builds an index: what is left is built again', databaseKilledWhileItBuilds],
  ['the state folder takes nothing, as on a full disk: nothing begins, and it goes on when it does', stateTakesNothing],
];

test.each([...sample(METRICS, 1), ...sample(ROLLBACKS, 1), ...sample(PEOPLE_AND_WORKERS, 1)])(
  `%s${everything ? '' : ` (${seeded})`}`,
  async (_, act) => {
    await act();
  },
);

async function tenAtOnce(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-ten-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const productions = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const production = await startLittleProduction(uniqueService());
      cleanUps.push(() => production.stop());
      const { BLUEGREEN_RUNBOOKS = '' } = production.env;
      await copyFile(join(BLUEGREEN_RUNBOOKS, 'runbook.yaml'), join(folder, `${production.service}.yaml`));
      return production;
    }),
  );
  const bad = new Set(productions.filter((_, index) => index % 3 === 0));
  for (const production of bad) production.fail(GREEN, 0.5);
  const taskQueue = `chaos-${randomUUID()}`;
  const env = { BLUEGREEN_RUNBOOKS: folder, BLUEGREEN_STATE: join(folder, 'state') };
  const workers = [startWorkerProcess(taskQueue, env), startWorkerProcess(taskQueue, env)];
  cleanUps.push(() => Promise.all(workers.map((worker) => worker.kill('SIGKILL'))));
  const [worker, other] = workers;
  if (!worker || !other) throw new Error('there are two workers');

  const accounts = await Promise.all(
    productions.map(async (production) => {
      const { service } = production;
      const handle = await start(temporal.client(), taskQueue, { service, version: GREEN });
      cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
      const one: Scene = {
        ...observe(handle),
        production,
        worker: () => worker,
        startWorker: () => other,
        close: async () => {},
      };
      await attest(one);
      if (!bad.has(production)) await approve(one);
      return await accountOf(one);
    }),
  );
  expect(accounts).toEqual(
    productions.map((production) =>
      bad.has(production)
        ? { outcome: 'DeploymentRolledBack', cause: 'breach', effects: ROLLED_BACK, greenShare: 0 }
        : COMPLETED,
    ),
  );
}

async function stateTakesNothing(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-full-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const blocked = join(folder, 'state');
  await writeFile(blocked, 'a file where a folder should be');
  const waiting = await scene({ env: { BLUEGREEN_STATE: blocked } });
  await eventually(async () => {
    const { raw } = await waiting.handle.describe();
    return (raw.pendingActivities ?? []).some(({ lastFailure }) => lastFailure?.message?.includes('cannot be kept'));
  }, 'the reason why it does not begin');
  expect(waiting.production.audit).toEqual([]);

  await rm(blocked);
  await attest(waiting);
  await approve(waiting);
  expect(await accountOf(waiting)).toEqual(COMPLETED);
}

/** A build that waits for an old transaction, as on a busy database. */
async function startBuild() {
  const postgres = await startPostgres();
  cleanUps.push(() => postgres.stop());
  const admin = await postgres.connect();
  await admin.query('CREATE TABLE items (id int PRIMARY KEY, category int); INSERT INTO items VALUES (1, 1)');
  const busy = await postgres.connect();
  await busy.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM items');
  const builtAs = async (client: Client): Promise<{ oid: number; valid: boolean }[]> => {
    const sql = `SELECT indexrelid::int AS oid, indisvalid AS valid FROM pg_index WHERE indrelid = 'items'::regclass AND NOT indisprimary`;
    return (await client.query<{ oid: number; valid: boolean }>(sql)).rows;
  };
  const check = {
    id: 'indexes',
    title: 'Create indexes for new query patterns',
    group: 'Database',
    critical: true,
    kind: 'postgres-indexes',
    database: 'main',
    remedy: { create: 'concurrently', automatic: true },
    indexes: [{ name: 'items_category', table: 'items', columns: ['category'] }],
  };
  const building = await scene({
    changes: { databases: { main: { urlEnv: 'DATABASE' } }, checklist: [check] },
    env: { DATABASE: postgres.url() },
  });
  await eventually(async () => (await builtAs(admin)).length > 0, 'the build to begin');
  const [begun] = await builtAs(admin);
  expect(begun?.valid).toBe(false);
  return { postgres, admin, busy, building, begun, builtAs };
}

/** It outlives the worker that ordered it. */
async function killedWhileItBuilds(): Promise<void> {
  const { admin, busy, building, begun, builtAs } = await startBuild();
  await replaceWorker(building);
  await eventually(async () => {
    const { raw } = await building.handle.describe();
    return (raw.pendingActivities ?? []).some(({ attempt, lastHeartbeatTime }) => attempt === 2 && lastHeartbeatTime);
  }, 'another worker to go on with the remedy');
  await busy.query('COMMIT');

  await approve(building);
  expect(await accountOf(building)).toEqual(COMPLETED);
  expect(await builtAs(admin)).toEqual([{ oid: begun?.oid, valid: true }]);
}

/** SIGKILL of one session: PostgreSQL ends all the others, comes back by itself, and half an index is left. */
async function databaseKilledWhileItBuilds(): Promise<void> {
  const { postgres, admin, building, builtAs } = await startBuild();
  const { rows } = await admin.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE query ILIKE 'create index%'",
  );
  for (const { pid } of rows) process.kill(pid, 'SIGKILL');
  const { checks } = await building.until(
    ({ checks: [check] }) => check?.outcome === 'failed' || check?.outcome === 'unmeasured',
  );
  expect(checks[0]?.remedies).toMatchObject([{ done: false }]);
  expect(building.production.audit).toEqual([]);

  await eventually(() => postgres.connect().then(Boolean, () => false), 'the database to be back');
  await building.handle.signal(messages.recheck, { by: 'ben', check: 'indexes', remedy: true });
  await approve(building);
  expect(await accountOf(building)).toEqual(COMPLETED);
  expect(await builtAs(await postgres.connect())).toMatchObject([{ valid: true }]);
}

async function databaseGone(): Promise<void> {
  const pool = { instances: 1, size: 5 };
  const check = {
    id: 'max-connections',
    title: 'Increase database max connections',
    group: 'Database',
    critical: true,
    kind: 'postgres-max-connections',
    database: 'main',
    role: 'postgres',
    blue: pool,
    green: pool,
  };
  let postgres = await startPostgres();
  const url = postgres.url();
  const { port } = postgres;
  await postgres.stop();
  const waiting = await scene({
    changes: { databases: { main: { urlEnv: 'DATABASE' } }, checklist: [check] },
    env: { DATABASE: url },
  });
  const { checks } = await waiting.until(({ checks: all }) => all.some(({ outcome }) => outcome === 'unmeasured'));
  expect(checks[0]?.result?.summary).toContain('could not be measured');
  expect(waiting.production.audit).toEqual([]);

  postgres = await startPostgres([], port);
  cleanUps.push(() => postgres.stop());
  await waiting.handle.signal(messages.recheck, { by: 'ben' });
  await approve(waiting);
  expect(await accountOf(waiting)).toEqual(COMPLETED);
}
