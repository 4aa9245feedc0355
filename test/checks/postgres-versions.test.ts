import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { describeWith } from '../support/installed.ts';
import { common, contextFor } from './support/context.ts';
import { createCheck, createRemedy } from './support/create.ts';
import { findDebianPostgres, startPostgres, startPostgresOf, type TestPostgres } from './support/postgres.ts';

/** The checks of PostgreSQL on the oldest and the newest version that CI has: their catalogs and settings differ. */

const DEBIAN = await findDebianPostgres();
const FLAGS = ['max_connections=40', 'superuser_reserved_connections=3'];
const SINCE_16 = ['reserved_connections=2'];

const SERVICE = {
  ...common,
  database: 'main',
  role: 'shop',
  blue: { instances: 2, size: 5 },
  green: { instances: 2, size: 5 },
};

describeWith(DEBIAN, "Debian's PostgreSQL")('on PostgreSQL 15', () =>
  allThreeChecks(() => startPostgresOf(DEBIAN ?? '', FLAGS), {
    major: 15,
    reserved: '3 (superuser_reserved_connections)',
  }),
);
describe('on PostgreSQL 18', () =>
  allThreeChecks(() => startPostgres([...FLAGS, ...SINCE_16]), {
    major: 18,
    reserved: '3 (superuser_reserved_connections) + 2 (reserved_connections)',
  }));

function allThreeChecks(
  start: () => Promise<TestPostgres>,
  { major, reserved }: { readonly major: number; readonly reserved: string },
): void {
  let postgres: TestPostgres;
  let admin: pg.Client;
  const blue: pg.Client[] = [];
  const context = () => contextFor(postgres.url({ user: 'checker', database: 'shop' }));

  beforeAll(async () => {
    postgres = await start();
    admin = await postgres.connect();
    await admin.query(`
      CREATE ROLE checker LOGIN PASSWORD 'checker-secret' IN ROLE pg_read_all_stats;
      CREATE ROLE shop NOLOGIN;
      CREATE ROLE v_a1 LOGIN PASSWORD 'v_a1-secret' IN ROLE shop;
      CREATE ROLE v_b2 LOGIN PASSWORD 'v_b2-secret' IN ROLE shop CONNECTION LIMIT 5`);
    await admin.query('CREATE DATABASE shop CONNECTION LIMIT 25');
    const inShop = await postgres.connect(postgres.url({ database: 'shop' }));
    await inShop.query(`
      CREATE TABLE things AS SELECT g AS id, g % 100 AS kind FROM generate_series(1, 5000) g;
      ALTER TABLE things OWNER TO shop; GRANT shop TO checker; GRANT TEMPORARY ON DATABASE shop TO checker;
      GRANT CREATE ON SCHEMA public TO shop; ANALYZE things`);
    await inShop.end();
    for (const user of ['v_a1', 'v_a1', 'v_b2'])
      blue.push(await postgres.connect(postgres.url({ user, database: 'shop' })));
  });
  afterAll(() => postgres.stop());

  test('it is that version', async () => {
    const { rows } = await admin.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    );
    expect(Math.floor((rows[0]?.version ?? 0) / 10_000)).toBe(major);
  });

  test("postgres-max-connections counts the group's members, what is reserved and each limit", async () => {
    const check = createCheck({ ...SERVICE, kind: 'postgres-max-connections', headroom: 5 });
    const finding = await check(context());
    expect(finding).toMatchObject({ passed: true });
    expect(finding.evidence).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ measured: '0 (3 open in all: v_a1 2, v_b2 1)' }),
        expect.objectContaining({ what: 'reserved for administrators', measured: reserved }),
        expect.objectContaining({ what: 'connection limit of the database', measured: '25', required: 'at least 20' }),
        expect.objectContaining({ what: 'connection limit of the role v_b2', measured: '5', required: 'at least 5' }),
      ]),
    );
  });

  test('postgres-pool-size compares the pools with the peak and with that server', async () => {
    const check = createCheck({
      ...SERVICE,
      kind: 'postgres-pool-size',
      peakRequests: 100,
      hold: 20,
      margin: 2,
      measureFor: 3_000,
    });
    expect(await check(context())).toMatchObject({
      passed: true,
      summary: expect.stringContaining('blue needs 2 for each instance and has 5'),
    });
  });

  test('postgres-indexes misses an index, builds it, and plans a query with it', async () => {
    const config = {
      ...common,
      kind: 'postgres-indexes',
      database: 'main',
      indexes: [{ name: 'things_kind', table: 'things', columns: ['kind'], unique: false, method: 'btree' }],
      queries: [
        {
          name: 'kinds',
          table: 'things',
          sql: 'SELECT * FROM things WHERE kind = $1',
          parameters: [7],
          minRows: 1_000,
        },
      ],
      remedy: { create: 'concurrently', automatic: true, timeout: 60_000 },
    };
    expect(await createCheck(config)(context())).toMatchObject({ passed: false });
    expect(await createRemedy(config)?.(context())).toMatchObject({ done: true });
    expect(await createCheck(config)(context())).toMatchObject({ passed: true });
  });
}
