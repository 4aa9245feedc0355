import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { Config } from '../../src/checks/postgres-max-connections/schema.ts';
import { common, contextFor, until } from './support/context.ts';
import { CHECK, createCheck } from './support/create.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

/** Logins that change: Vault and the like give each lease a login of its own, members of one group. */
let postgres: TestPostgres;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres([
    'max_connections=60',
    'superuser_reserved_connections=3',
    'reserved_connections=4',
    'rds.rds_superuser_reserved_connections=2',
  ]);
  admin = await postgres.connect();
  await admin.query(`
    CREATE ROLE checker LOGIN PASSWORD 'checker-secret' IN ROLE pg_read_all_stats;
    CREATE ROLE shop NOLOGIN;
    CREATE ROLE shop_jobs NOLOGIN IN ROLE shop;
    CREATE ROLE v_shop_a1 LOGIN PASSWORD 'v_shop_a1-secret' IN ROLE shop;
    CREATE ROLE v_shop_b2 LOGIN PASSWORD 'v_shop_b2-secret' IN ROLE shop;
    CREATE ROLE v_jobs_c3 LOGIN PASSWORD 'v_jobs_c3-secret' IN ROLE shop_jobs;
    CREATE ROLE shopper LOGIN PASSWORD 'shopper-secret';
    CREATE ROLE vault LOGIN CREATEROLE PASSWORD 'vault-secret';
    CREATE ROLE empty NOLOGIN`);
  await admin.query('CREATE DATABASE shop');
  await admin.query('GRANT shop TO vault WITH ADMIN TRUE, INHERIT FALSE, SET FALSE');
});
afterAll(() => postgres.stop());
beforeEach(() =>
  admin.query(`
    ALTER ROLE shop CONNECTION LIMIT -1; ALTER ROLE v_shop_a1 CONNECTION LIMIT -1;
    ALTER ROLE v_shop_b2 CONNECTION LIMIT -1; ALTER DATABASE shop CONNECTION LIMIT -1`),
);

const CONFIG = {
  ...common,
  kind: 'postgres-max-connections',
  database: 'main',
  role: 'shop',
  blue: { instances: 2, size: 5 },
  green: { instances: 2, size: 5 },
  headroom: 5,
} satisfies Config;

function run(changes: Partial<Config> = {}) {
  return createCheck({ ...CONFIG, ...changes })(contextFor(postgres.url({ user: 'checker', database: 'shop' })));
}

/** Sessions of these logins while `use` runs; gone before this resolves. */
async function withSessions<T>(of: Readonly<Record<string, number>>, use: () => Promise<T>): Promise<T> {
  const users = Object.entries(of).flatMap(([user, count]) => Array.from({ length: count }, () => user));
  const clients = await Promise.all(users.map((user) => postgres.connect(postgres.url({ user, database: 'shop' }))));
  const { rows } = await admin.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend'",
  );
  try {
    return await use();
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await until(async () => {
      const left = await admin.query('SELECT FROM pg_stat_activity WHERE pid = ANY ($1)', [rows.map(({ pid }) => pid)]);
      return left.rows.length === 0;
    });
  }
}

describe('the sessions of a role', () => {
  test("are those of its direct and indirect members, and blue's are counted once", async () => {
    const finding = await withSessions({ v_shop_a1: 5, v_shop_b2: 4, v_jobs_c3: 2 }, () => run());
    // 10 + 10, 1 beyond blue's, the administrator above, 9 reserved, 5 to spare
    expect(finding).toMatchObject({
      passed: true,
      summary: 'both versions fit: max_connections is 60, 36 are needed',
    });
    expect(finding.evidence).toContainEqual({
      what: 'open as shop beyond the pools',
      measured: '1 (11 open in all: v_shop_a1 5, v_shop_b2 4, v_jobs_c3 2)',
      source: 'database main',
    });
    expect(finding.evidence).toContainEqual({
      what: 'open by others',
      measured: '1 (postgres 1)',
      source: 'database main',
    });
  });

  test('are not those of who may only give the role away, nor of a superuser', async () => {
    const { evidence } = await withSessions({ vault: 2 }, () => run());
    expect(evidence).toContainEqual({
      what: 'open by others',
      measured: '3 (vault 2, postgres 1)',
      source: 'database main',
    });
  });

  test.each([
    ['a pattern', 'v_shop_*', '3 (v_jobs_c3 2, postgres 1)'],
    ['a list', ['v_shop_a1', 'v_jobs_c3'], '3 (v_shop_b2 2, postgres 1)'],
    ['a name in which _ stands for itself', 'v_shop_a1', '5 (v_jobs_c3 2, v_shop_b2 2, postgres 1)'],
  ])('may be named by %s', async (_name, role, others) => {
    const finding = await withSessions({ v_shop_a1: 2, v_shop_b2: 2, v_jobs_c3: 2 }, () => run({ role }));
    expect(finding.evidence).toContainEqual({ what: 'open by others', measured: others, source: 'database main' });
  });

  test('of a login that was dropped are called so', async () => {
    await admin.query("CREATE ROLE v_shop_gone LOGIN PASSWORD 'v_shop_gone-secret' IN ROLE shop");
    const { evidence } = await withSessions({ v_shop_gone: 2 }, async () => {
      await admin.query('DROP ROLE v_shop_gone');
      return run();
    });
    expect(evidence).toContainEqual({
      what: 'open by others',
      measured: '3 ((dropped role) 2, postgres 1)',
      source: 'database main',
    });
  });

  test.each([
    ['a group without a login', 'empty', /no login is, or is a member of, the role "empty"/],
    ['a pattern that matches nobody', 'v-other-*', /no login is, or is a member of, the role "v-other-\*"/],
    ['a list with a misspelt name', ['v_shop_a1', 'v_shop_b'], /there is no role "v_shop_b"/],
  ])('cannot be counted for %s', async (_name, role, summary) => {
    expect(await run({ role })).toMatchObject({
      passed: false,
      summary: expect.stringMatching(summary),
      unblock: expect.stringContaining('correct "role" of this check'),
    });
  });

  test('that are under another name are suspected before a restart is advised', async () => {
    const finding = await withSessions({ v_shop_a1: 10 }, () => run({ role: 'shopper', headroom: 25 }));
    expect(finding).toMatchObject({
      passed: false,
      unblock: expect.stringMatching(
        /^nobody is connected as shopper: if the service is among the others \(v_shop_a1 10, postgres 1\), name .*; max_connections: raise/,
      ),
    });
  });
});

describe('limits', () => {
  test("of a group are not its members': PostgreSQL applies them to the group's own sessions", async () => {
    await admin.query('ALTER ROLE shop CONNECTION LIMIT 1');
    const finding = await withSessions({ v_shop_a1: 5, v_shop_b2: 5 }, () => run());
    expect(finding).toMatchObject({ passed: true });
  });

  test('of a login for each instance have to hold one pool', async () => {
    await admin.query('ALTER ROLE v_shop_a1 CONNECTION LIMIT 5; ALTER ROLE v_shop_b2 CONNECTION LIMIT 5');
    const sessions = { v_shop_a1: 5, v_shop_b2: 5 };
    expect(await withSessions(sessions, () => run())).toMatchObject({ passed: true });
    const larger = await withSessions(sessions, () => run({ green: { instances: 2, size: 6 } }));
    expect(larger).toMatchObject({
      passed: false,
      summary: 'connection limit of the role v_shop_a1 is 5, 6 are needed with both versions running',
      unblock:
        'connection limit of the role v_shop_a1: raise it: ALTER ROLE "v_shop_a1" CONNECTION LIMIT 6, and likewise for the other logins of shop, and in the statement that creates such logins',
    });
  });

  test('of a login that all instances share have to hold both versions', async () => {
    await admin.query('ALTER ROLE v_shop_a1 CONNECTION LIMIT 15');
    const finding = await withSessions({ v_shop_a1: 10, v_jobs_c3: 1 }, () => run());
    // 10 + 10, and 1 beyond them
    expect(finding).toMatchObject({
      passed: false,
      unblock: expect.stringContaining('ALTER ROLE "v_shop_a1" CONNECTION LIMIT 21'),
    });
    expect(finding.unblock).not.toContain('restart');
  });

  test('that bind are named alone, and max_connections only if it is the one', async () => {
    await admin.query('ALTER DATABASE shop CONNECTION LIMIT 12');
    const finding = await withSessions({ v_shop_a1: 5, shopper: 1 }, () => run());
    expect(finding).toMatchObject({
      passed: false,
      summary: 'connection limit of the database is 12, 21 are needed with both versions running',
      unblock: 'connection limit of the database: raise it: ALTER DATABASE "shop" CONNECTION LIMIT 21',
    });
  });

  test('of the server lack what is reserved, by which setting, and by the provider', async () => {
    const finding = await run({ providerReserved: 10, headroom: 21 });
    // 20, 1 administrator, 9 and 10 reserved, 21 to spare
    expect(finding).toMatchObject({ passed: false, summary: expect.stringContaining('61 are needed') });
    expect(finding.evidence).toEqual(
      expect.arrayContaining([
        {
          what: 'reserved for administrators',
          measured:
            '3 (superuser_reserved_connections) + 4 (reserved_connections) + 2 (rds.rds_superuser_reserved_connections)',
          source: 'database main',
        },
        { what: 'reserved by the provider', measured: '10', source: 'runbook' },
      ]),
    );
    expect(await run({ providerReserved: 10, headroom: 20 })).toMatchObject({ passed: true });
  });

  test('leave reserved_connections to a service that may use them', async () => {
    await admin.query('GRANT pg_use_reserved_connections TO shop');
    const { evidence } = await run();
    await admin.query('REVOKE pg_use_reserved_connections FROM shop');
    expect(JSON.stringify(evidence)).not.toContain('4 (reserved_connections)');
  });
});

test.each([['shop'], ['v-*-shop-*'], [['shop', 'shop_clone']]])('a runbook takes the role %j', (role) => {
  expect(CHECK.parse({ ...CONFIG, timeout: '1m', role })).toMatchObject({ role });
});

test('a runbook with no role says what may stand there', () => {
  const parsed = CHECK.safeParse({ ...CONFIG, timeout: '1m', role: [] });
  expect(JSON.stringify(parsed.error?.issues)).toContain('expected a role such as shop');
});
