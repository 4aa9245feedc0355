import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { common, contextFor, until } from './support/context.ts';
import { createCheck } from './support/create.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { startStandby, type TestStandby } from './support/standby.ts';

/** A primary and a standby that streams from it. */
let primary: TestPostgres;
let admin: pg.Client;
let standby: TestStandby;

beforeAll(async () => {
  primary = await startPostgres(['max_connections=30']);
  admin = await primary.connect();
  await admin.query(`
    CREATE ROLE recommendation LOGIN PASSWORD 'recommendation-secret';
    CREATE TABLE interactions AS SELECT g AS id FROM generate_series(1, 2000) g;
    CREATE INDEX ON interactions (id); ANALYZE interactions;
    GRANT SELECT ON interactions TO recommendation`);
  standby = await startStandby(primary);
});
afterAll(async () => {
  await standby.stop();
  await primary.stop();
});

const onStandby = () => contextFor(primary.url({ port: standby.port }));
const CONNECTIONS = {
  ...common,
  kind: 'postgres-max-connections',
  database: 'main',
  role: 'recommendation',
  blue: { instances: 1, size: 5 },
  green: { instances: 1, size: 5 },
  headroom: 5,
};

test('connections are not counted on a standby that the service does not use', async () => {
  expect(await createCheck(CONNECTIONS)(onStandby())).toMatchObject({
    passed: false,
    summary: expect.stringContaining('is a standby, and nobody is connected to it as recommendation'),
    unblock: expect.stringContaining('the URL of the primary in the variable that the runbook names in databases.main'),
  });
});

test('connections are counted on a standby that the service reads from, which the evidence tells', async () => {
  const blue = await primary.connect(primary.url({ port: standby.port, user: 'recommendation', database: 'postgres' }));
  const finding = await createCheck(CONNECTIONS)(onStandby());
  await blue.end();
  expect(finding).toMatchObject({ passed: true });
  expect(finding.evidence).toContainEqual({
    what: 'server',
    measured: 'a standby: the primary has limits of its own',
    source: 'database main',
  });
});

test('on the primary, a higher max_connections is asked for on the standbys first: they stop replaying else', async () => {
  await until(async () => (await admin.query('SELECT 1 FROM pg_stat_replication')).rows.length === 1);
  expect(await createCheck({ ...CONNECTIONS, headroom: 30 })(contextFor(primary.url()))).toMatchObject({
    passed: false,
    unblock: expect.stringContaining('raise max_connections on its standbys first (connected now: 1), then here'),
  });
});

test('indexes cannot be compared on a standby, and the finding says where they can', async () => {
  const indexes = [{ table: 'interactions', columns: ['id'], unique: false, method: 'btree', name: 'by_id' }];
  const check = createCheck({ ...common, kind: 'postgres-indexes', database: 'main', indexes, queries: [] });
  expect(await check(onStandby())).toMatchObject({
    passed: false,
    summary: expect.stringContaining('the database is a standby'),
    unblock: 'name the primary in the runbook, not a standby',
  });
});

test('queries are planned on a standby by the statistics of its primary', async () => {
  const byId = {
    name: 'by-id',
    table: 'interactions',
    sql: 'SELECT * FROM interactions WHERE id = $1',
    minRows: 1_000,
  };
  const queries = [{ ...byId, parameters: [7] }];
  const check = createCheck({ ...common, kind: 'postgres-indexes', database: 'main', indexes: [], queries });
  expect(await check(onStandby())).toMatchObject({ passed: true });
});
