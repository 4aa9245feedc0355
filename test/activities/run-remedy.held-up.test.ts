import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { progressOf } from '../../src/domain/progress.ts';
import { until } from '../checks/support/context.ts';
import { startPostgres, type TestPostgres } from '../checks/support/postgres.ts';
import { type Attempt, begin, run } from './support/attempt.ts';
import { type Scene, useScenes } from './support/scene.ts';

/** A remedy that builds an index, held up by somebody else, on a real PostgreSQL: it ends with its timeout, and says why. */

const scene = useScenes();
let postgres: TestPostgres;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres(['max_prepared_transactions=5']);
  admin = await postgres.connect();
});
afterAll(() => postgres.stop());
// A test that fails in the middle leaves its sessions and their locks.
beforeEach(async () => {
  await admin.query(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`);
  const { rows } = await admin.query<{ end: string }>(
    "SELECT format('ROLLBACK PREPARED %L', gid) AS end FROM pg_prepared_xacts",
  );
  for (const { end } of rows) await admin.query(end);
  await admin.query(`
    DROP TABLE IF EXISTS events;
    CREATE TABLE events (id bigserial, kind text);
    INSERT INTO events (kind) SELECT 'k' || g % 7 FROM generate_series(1, 5000) g`);
});

const ITEM = {
  id: 'indexes',
  title: 'Indexes',
  group: 'Database',
  kind: 'postgres-indexes',
  database: 'main',
  indexes: [{ name: 'events_kind_id', table: 'events', columns: ['kind', 'id'] }],
};

const deploying = (timeout: string): Promise<Scene> =>
  scene(
    {
      databases: { main: { urlEnv: 'FIELD_URL' } },
      checklist: [{ ...ITEM, remedy: { create: 'concurrently', automatic: true, timeout } }],
    },
    { FIELD_URL: postgres.url() },
  );

/** Somebody's forgotten transaction, which has written to the table. */
async function forgotten(): Promise<{ readonly client: pg.Client; readonly pid: number }> {
  const client = await postgres.connect();
  await client.query("SET application_name = 'psql'; BEGIN; INSERT INTO events (kind) VALUES ('x')");
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return { client, pid: rows[0]?.pid ?? 0 };
}

const holdersOf = ({ heartbeats }: Attempt<unknown>) => progressOf(heartbeats.at(-1)).waitsFor ?? [];

async function indexState(): Promise<string[]> {
  const { rows } = await admin.query<{ state: string }>(
    "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END AS state FROM pg_index WHERE indrelid = 'events'::regclass",
  );
  return rows.map(({ state }) => state);
}

async function ownSessions(): Promise<number> {
  const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'bluegreen-check'");
  return rows.length;
}

test('it ends with its timeout, names who held it up and the index that it left, which the check calls invalid', async () => {
  const { activities, target } = await deploying('3s');
  const { client, pid } = await forgotten();
  const remedy = begin(activities.runRemedy, { target, checkId: 'indexes' });
  await until(() => holdersOf(remedy).length > 0);
  expect(progressOf(remedy.heartbeats.at(-1))).toMatchObject({
    check: 'indexes',
    doing: expect.stringContaining('building the index events_kind_id'),
    waitsFor: [{ who: `session ${pid} of postgres (psql from 127.0.0.1), idle in transaction` }],
  });
  const { done, summary, durationMs } = await remedy.result;
  expect(done).toBe(false);
  expect(durationMs).toBeLessThan(15_000);
  expect(summary).toMatch(
    /^it took longer than its timeout of 3 s and was stopped; at the end: building the index events_kind_id \(waiting for writers/,
  );
  expect(summary).toMatch(
    new RegExp(
      `held up by session ${pid} of postgres \\(psql from 127.0.0.1\\), idle in transaction, since [-\\d]+ [:\\d]+ UTC \\(\\d+ s\\); to end it: SELECT pg_terminate_backend\\(${pid}\\);`,
    ),
  );
  expect(summary).toMatch(
    /it has left the invalid index "public"."events_kind_id", .*: DROP INDEX CONCURRENTLY IF EXISTS "public"."events_kind_id";$/,
  );

  const check = await run(activities.runCheck, { target, checkId: 'indexes' });
  expect(check).toMatchObject({ passed: false, summary: expect.stringContaining('there, but invalid') });
  expect(check.summary).not.toContain('being built');
  await client.query('ROLLBACK');
  expect(await run(activities.runRemedy, { target, checkId: 'indexes' })).toMatchObject({ done: true });
  expect(await run(activities.runCheck, { target, checkId: 'indexes' })).toMatchObject({ passed: true });
});

test('what can be dropped at once is dropped when the timeout is over', async () => {
  const { activities, target } = await deploying('3s');
  const reader = await postgres.connect(); // of another table: it holds up a build, and no drop
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1');
  const { done, summary } = await run(activities.runRemedy, { target, checkId: 'indexes' });
  expect(done).toBe(false);
  expect(summary).toContain('the invalid index "public"."events_kind_id" that it left was dropped');
  expect(await indexState()).toEqual([]);
  expect(await run(activities.runCheck, { target, checkId: 'indexes' })).toMatchObject({
    summary: expect.stringContaining('missing'),
  });
  await reader.query('ROLLBACK');
});

test('a prepared transaction, which no session shows, is named with what ends it', async () => {
  const { activities, target } = await deploying('1m');
  const client = await postgres.connect();
  await client.query("BEGIN; INSERT INTO events (kind) VALUES ('x'); PREPARE TRANSACTION 'payments-17'");
  const remedy = begin(activities.runRemedy, { target, checkId: 'indexes' });
  await until(() => holdersOf(remedy).length > 0);
  const [holder] = holdersOf(remedy);
  expect(holder).toMatchObject({ who: 'prepared transaction "payments-17" of postgres', since: expect.any(String) });
  await admin.query(holder?.toEnd ?? '');
  expect(await remedy.result).toMatchObject({ done: true });
});

test('after a killed worker, whose build PostgreSQL goes on with, the next attempt ends that build with its timeout', async () => {
  const { activities, target } = await deploying('3s');
  const { client, pid } = await forgotten();
  // What a killed worker leaves: its session, which nobody waits for any more.
  const orphan = await postgres.connect();
  await orphan.query("SET application_name = 'bluegreen-check'");
  const building = orphan.query('CREATE INDEX CONCURRENTLY events_kind_id ON events (kind, id)').catch(() => 'ended');
  await until(async () => (await indexState()).length > 0);

  const remedy = begin(activities.runRemedy, { target, checkId: 'indexes' }, { attempt: 2 });
  await until(() => holdersOf(remedy).length > 1);
  expect(holdersOf(remedy).map(({ who }) => who)).toEqual([
    expect.stringContaining('bluegreen-check'),
    expect.stringMatching(new RegExp(`^session ${pid} of postgres`)),
  ]);
  const { done, summary } = await remedy.result;
  expect(done).toBe(false);
  expect(summary).toContain('it took longer than its timeout of 3 s');
  expect(summary).toContain('it has left the invalid index');
  expect(await building).toBe('ended');
  await orphan.end();
  await until(async () => (await ownSessions()) === 0);
  expect(await run(activities.runCheck, { target, checkId: 'indexes' })).toMatchObject({
    summary: expect.stringContaining('there, but invalid'),
  });
  await client.query('ROLLBACK');
});

test('an attempt after a lost worker gets no more time than Temporal gives to all of them', async () => {
  const { activities, target } = await deploying('1h');
  const { client } = await forgotten();
  const late = { scheduledTimestampMs: Date.now() - 3_600_000, scheduleToCloseTimeoutMs: 3_600_000 };
  const { done, summary } = await run(activities.runRemedy, { target, checkId: 'indexes' }, late);
  expect(done).toBe(false);
  expect(summary).toContain('it took longer than its timeout of 60 min');
  await client.query('ROLLBACK');
});
