import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { contextFor, until } from './support/context.ts';
import { indexCheck, type Wanted } from './support/indexes.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

let postgres: TestPostgres;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres();
  admin = await postgres.connect();
  await admin.query('CREATE TABLE elsewhere (id int)');
});
afterAll(() => postgres.stop());

/** One partition lies in another schema, with its columns in another order; one is partitioned itself. */
beforeEach(async () => {
  await admin.query(`
    DROP TABLE IF EXISTS events; DROP SCHEMA IF EXISTS archive CASCADE; CREATE SCHEMA archive;
    CREATE TABLE events (item_id int NOT NULL, at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);
    CREATE TABLE archive."events.2024" (note text, at timestamptz NOT NULL, item_id int NOT NULL);
    ALTER TABLE events ATTACH PARTITION archive."events.2024" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
      PARTITION BY HASH (item_id);
    CREATE TABLE events_2025_0 PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE events_2025_1 PARTITION OF events_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO events SELECT g % 50, '2024-01-01'::timestamptz + g * interval '1 day', 'note' FROM generate_series(0, 999) g`);
});

const WANTED: Wanted = {
  table: 'events',
  columns: ['item_id', 'at DESC'],
  unique: false,
  method: 'btree',
  name: 'events_item_at',
};

const { config, look, build } = indexCheck(WANTED, () => contextFor(postgres.url()));

/** Every index of the tree with whether it is valid, and which index it is a part of. */
async function tree(): Promise<string[]> {
  const { rows } = await admin.query<{ line: string }>(`
    SELECT format('%s %s%s', i.indexrelid::regclass, CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END,
      (SELECT ' in ' || h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)) AS line
    FROM pg_index i WHERE i.indrelid IN (SELECT relid FROM pg_partition_tree('events')) ORDER BY 1`);
  return rows.map(({ line }) => line);
}

const COMPLETE = [
  'archive."events_item_at_events.2024" valid in events_item_at',
  'events_item_at valid',
  'events_item_at_events_2025 valid in events_item_at',
  'events_item_at_events_2025_events_2025_0 valid in events_item_at_events_2025',
  'events_item_at_events_2025_events_2025_1 valid in events_item_at_events_2025',
  'events_item_at_events_2026 valid in events_item_at',
];

describe('postgres-indexes, partitioned tables', () => {
  test('are missed, built part by part to the last nested partition, and found valid', async () => {
    expect(await look()).toMatchObject({
      passed: false,
      summary: 'index on events (item_id, at DESC): missing',
      unblock: expect.stringContaining('ON ONLY events USING btree (item_id, at DESC)'),
    });
    expect(await tree()).toEqual([]);
    expect(await build()).toEqual({
      done: true,
      summary: expect.stringMatching(/events_item_at built concurrently on 4 partitions in \d+\.\d s$/),
    });
    expect(await look()).toMatchObject({ passed: true, evidence: [{ measured: 'events_item_at, valid' }] });
    expect(await tree()).toEqual(COMPLETE);
  });

  test('done again changes nothing', async () => {
    await build();
    expect(await build()).toEqual({ done: true, summary: expect.stringContaining('events_item_at was there already') });
    expect(await tree()).toEqual(COMPLETE);
  });

  test('an index without all its parts is not there yet; the remedy completes it, by what there is already', async () => {
    await admin.query(`
      CREATE INDEX begun ON ONLY events (item_id, at DESC);
      CREATE INDEX of_2026 ON events_2026 (item_id, at DESC);
      CREATE INDEX of_2024 ON archive."events.2024" (item_id, at DESC) INCLUDE (note)`);
    expect(await look()).toMatchObject({
      passed: false,
      summary: expect.stringContaining('not every partition has its part of it'),
      unblock: expect.stringContaining('remedy { create: concurrently }'),
    });
    // The one of 2024 holds more than the parent's: PostgreSQL would not take it as a part.
    expect(await build()).toMatchObject({ done: true, summary: expect.stringContaining('on 3 partitions') });
    expect(await tree()).toEqual(
      expect.arrayContaining(['begun valid', 'of_2026 valid in begun', 'archive.of_2024 valid']),
    );
    expect(await look()).toMatchObject({ passed: true, evidence: [{ measured: 'begun, valid' }] });
  });

  test('the invalid rest of an interrupted part is dropped and built again', async () => {
    await admin.query('CREATE INDEX events_item_at_events_2026 ON events_2026 (item_id, at DESC)');
    await admin.query(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_item_at_events_2026'::regclass",
    );
    expect(await build()).toMatchObject({ done: true });
    expect(await tree()).toEqual(COMPLETE);
  });

  test('a worker that is killed in the middle leaves what the next run completes, each part once', async () => {
    const idle = await inTransaction();
    const { child, killed } = buildInProcess();
    // The first part waits for the idle transaction: the parent's index is there, and no part is done.
    await until(async () => (await tree()).some((line) => line.startsWith('archive')));
    child.kill('SIGKILL');
    await killed;
    expect(await look()).toMatchObject({ passed: false });

    const context = contextFor(postgres.url());
    const next = build({}, context);
    await until(() => JSON.stringify(context.heartbeats).includes('waiting for another build'));
    await idle.query('COMMIT');
    expect(await next).toMatchObject({ done: true, summary: expect.stringContaining('on 3 partitions') });
    expect(await tree()).toEqual(COMPLETE);
    expect(await look()).toMatchObject({ passed: true });
  });

  test('writers are not held up by the remedy, even while it waits for a lock', async () => {
    const writer = await postgres.connect();
    await writer.query("BEGIN; INSERT INTO events VALUES (1, '2026-05-05')");
    const context = contextFor(postgres.url());
    const running = build({}, context);
    await until(() => JSON.stringify(context.heartbeats).includes('idle in transaction'));
    // Behind the lock that the remedy waits for; let through when that gives up, which it does every time.
    await admin.query("INSERT INTO events VALUES (2, '2026-05-05')");
    await admin.query("INSERT INTO events VALUES (3, '2026-05-05')");
    await writer.query('COMMIT');
    expect(await running).toMatchObject({ done: true });
    expect(await tree()).toEqual(COMPLETE);
  });

  test('a unique index is built where it holds; rows that contradict it are told of', async () => {
    const unique = { columns: ['item_id', 'at'], unique: true, name: 'events_unique' };
    await admin.query("INSERT INTO events VALUES (7, '2026-05-05'), (7, '2026-05-05')");
    expect(await build(unique)).toMatchObject({
      done: false,
      summary: expect.stringMatching(/cannot be built on the rows as they are.*to do: correct the rows/),
    });
    await admin.query("DELETE FROM events WHERE item_id = 7 AND at = '2026-05-05'");
    // Partitioned by hash of item_id and by range of at: both stand in the index, as PostgreSQL wants it.
    expect(await build(unique)).toMatchObject({ done: true });
    expect(await look(unique)).toMatchObject({ passed: true });
  });

  test.each<[string, string, Partial<Wanted>, RegExp]>([
    [
      'a unique index without the partition key',
      '',
      { columns: ['item_id'], unique: true },
      /unique constraint on partitioned table/,
    ],
    ['a name that something else bears', 'CREATE INDEX events_item_at ON events (note)', {}, /events_item_at is taken/],
    [
      'a foreign table among the partitions',
      `CREATE EXTENSION IF NOT EXISTS file_fdw; CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw;
       CREATE FOREIGN TABLE archive.far PARTITION OF events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')
         SERVER files OPTIONS (filename '/dev/null')`,
      {},
      /archive\.far of events is a foreign table/,
    ],
  ])('say what is in the way: %s', async (_name, sql, wanted, words) => {
    if (sql !== '') await admin.query(sql);
    const result = await build(wanted);
    expect(result?.done).toBe(false);
    expect(result?.summary).toMatch(words);
    expect(result?.summary).toContain('; to do: ');
  });

  test('a table with no partition yet has its index at once, and later partitions bring their part along', async () => {
    await admin.query('DROP TABLE events_2025, events_2026, archive."events.2024"');
    expect(await build()).toMatchObject({ done: true });
    expect(await look()).toMatchObject({ passed: true });
    await admin.query("CREATE TABLE later PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')");
    expect(await look()).toMatchObject({ passed: true });
    expect(await tree()).toHaveLength(2);
  });

  test('long names are cut by us, so that the next run knows them again', async () => {
    const name = `events_${'ü'.repeat(25)}`;
    expect(await build({ name })).toMatchObject({ done: true });
    expect(await look()).toMatchObject({ passed: true });
    const { rows } = await admin.query<{ relname: string }>(
      "SELECT relname FROM pg_class WHERE relkind IN ('i', 'I') AND relname LIKE 'events_ü%'",
    );
    const names = rows.map(({ relname }) => relname);
    expect(names).toHaveLength(6);
    expect(new Set(names).size).toBe(6);
    for (const cut of names) expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(63);
  });
});

/** The remedy in a process of its own, which can be killed as a worker can. */
function buildInProcess() {
  const code = `
    import { postgresIndexes } from './src/checks/postgres-indexes/check.ts';
    const config = ${JSON.stringify(config())};
    const run = { signal: new AbortController().signal, heartbeat: () => {} };
    await postgresIndexes.remedy(config)({ run, env: process.env, runbook: { databases: {} }, databaseUrl: () => process.env.URL_OF_TEST });`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: '', URL_OF_TEST: postgres.url() },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { child, killed: new Promise((resolve) => child.once('exit', resolve)) };
}

/** A transaction with a snapshot, idle on quite another table: every concurrent build has to wait for it. */
async function inTransaction(): Promise<pg.Client> {
  const client = await postgres.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query('SELECT * FROM elsewhere');
  return client;
}
