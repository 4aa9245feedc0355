import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { Config } from '../../src/checks/postgres-max-connections/schema.ts';
import type { CheckContext } from '../../src/plugin/check.ts';
import type { Finding } from '../../src/plugin/observation.ts';
import { common, contextFor, until } from './support/context.ts';
import { CHECK, createCheck } from './support/create.ts';
import { describeWithPgbouncer, startPgbouncer, type TestPgbouncer } from './support/pgbouncer.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

let postgres: TestPostgres;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres(['max_connections=60', 'superuser_reserved_connections=3']);
  admin = await postgres.connect();
  await admin.query(`
    CREATE ROLE checker LOGIN PASSWORD 'checker-secret' IN ROLE pg_read_all_stats;
    CREATE ROLE shop LOGIN PASSWORD 'shop-secret';
    CREATE ROLE leases NOLOGIN;
    CREATE ROLE v_a1 LOGIN PASSWORD 'v_a1-secret' IN ROLE leases;
    CREATE ROLE v_b2 LOGIN PASSWORD 'v_b2-secret' IN ROLE leases;
    CREATE ROLE other LOGIN PASSWORD 'other-secret'`);
  await admin.query('CREATE DATABASE shop');
});
afterAll(() => postgres.stop());

/** Eight instances of ten connections each, to a pooler. */
const CONNECTIONS = {
  ...common,
  kind: 'postgres-max-connections',
  database: 'main',
  role: 'shop',
  blue: { instances: 8, size: 10 },
  green: { instances: 8, size: 10 },
  headroom: 5,
} satisfies Config;
const POOL_SIZE = {
  ...CONNECTIONS,
  kind: 'postgres-pool-size',
  peakRequests: 100,
  hold: 20,
  margin: 2,
  measureFor: 3_000,
};
const ASKED = { pooler: { console: 'bouncer', instances: 1 } };

function contextWith(consoleUrl: string, signal?: AbortSignal): CheckContext {
  const main = postgres.url({ user: 'checker', database: 'shop' });
  return {
    ...contextFor(main, signal),
    databaseUrl: (database) => (database === 'bouncer' ? consoleUrl : main),
  };
}

function line(finding: Finding, what: string): string | undefined {
  return finding.evidence.find((each) => each.what === what)?.measured;
}

describe('a pooler whose size the runbook gives', () => {
  const pooler = { serverConnections: 10, instances: 2 };

  test('is counted once for both versions, in place of their pools', async () => {
    const run = (changes: Partial<Config> = {}) =>
      createCheck({ ...CONNECTIONS, pooler, ...changes })(contextWith('none'));
    // 2 x 10, 1 administrator, 3 reserved, 5 to spare
    const finding = await run();
    expect(finding).toMatchObject({ passed: true, summary: 'both versions fit: max_connections is 60, 29 are needed' });
    expect(line(finding, "the pooler's server connections, both versions together")).toBe('2 x 10 = 20');
    expect(line(finding, 'clients of the pooler')).toBe('blue 8 x 10 = 80, green 8 x 10 = 80');
    expect(JSON.stringify(finding.evidence)).not.toContain("blue's pools");
    expect(await run({ headroom: 37 })).toMatchObject({ passed: false });
    expect(await createCheck(CONNECTIONS)(contextWith('none'))).toMatchObject({
      passed: false,
      summary: expect.stringContaining('169 are needed'),
      unblock: expect.stringMatching(
        /^blue's pools alone \(80\) are more than max_connections: .* describe it with "pooler"; max_connections: raise/,
      ),
    });
  });

  test('has to carry the peak, as the pools of its clients', async () => {
    const run = (changes: object) => createCheck({ ...POOL_SIZE, pooler, ...changes })(contextWith('none'));
    // 100/s x 20 ms x 2 = 4: 2 of each pooler, 1 of each instance
    expect(await run({})).toMatchObject({
      passed: true,
      summary: expect.stringContaining('the pooler needs 2 for each instance and has 10'),
    });
    expect(await run({ peakRequests: 501 })).toMatchObject({
      passed: false,
      summary: "at 501 requests/s: the pooler's pool of 10 is too small, 11 are needed",
      unblock: expect.stringMatching(/^set the pooler's pool to 11 connections for each instance, in the pooler/),
    });
    expect(await run({ peakRequests: 500, blue: { instances: 8, size: 2 } })).toMatchObject({
      passed: false,
      summary: "at 500 requests/s: blue's pool of 2 is too small, 3 are needed",
    });
  });
});

describeWithPgbouncer('a PgBouncer whose console is asked', () => {
  const running: TestPgbouncer[] = [];
  const clients: pg.Client[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await until(async () => {
      const { rows } = await admin.query("SELECT FROM pg_stat_activity WHERE usename ~ '^(shop|v_|other)'");
      return rows.length === 0;
    });
  });

  async function pgbouncer(settings: Readonly<Record<string, string | number>> = {}, entry = '') {
    const started = await startPgbouncer({
      databases: { shop: `host=127.0.0.1 port=${postgres.port} dbname=shop ${entry}` },
      users: ['shop', 'v_a1', 'v_b2', 'other', 'postgres'],
      settings: { pool_mode: 'transaction', default_pool_size: 10, max_client_conn: 500, ...settings },
    });
    running.push(started);
    return started;
  }

  async function connectTo({ port }: TestPgbouncer, user: string): Promise<pg.Client> {
    const connected = await postgres.connect(postgres.url({ user, database: 'shop', port }));
    clients.push(connected);
    await connected.query('SELECT 1');
    return connected;
  }

  const look = (bouncer: TestPgbouncer, changes: Partial<Config> = {}) =>
    createCheck({ ...CONNECTIONS, ...ASKED, ...changes })(contextWith(bouncer.consoleUrl));

  test('tells its pool, which is counted once while it is in use', async () => {
    const bouncer = await pgbouncer({ reserve_pool_size: 5 });
    await connectTo(bouncer, 'shop');
    const finding = await look(bouncer);
    // 10 and 5 in reserve, 1 administrator, 3 reserved, 5 to spare
    expect(finding).toMatchObject({ passed: true, summary: 'both versions fit: max_connections is 60, 24 are needed' });
    expect(line(finding, "PgBouncer's pools of shop")).toBe('1 x 10 + 5 in reserve, pool_mode transaction');
    expect(line(finding, 'clients connected to PgBouncer now')).toBe('1 of the service, of which 0 wait; 0 others');
    expect(line(finding, 'open as shop beyond the pools')).toBe('0 (1 open in all: shop 1)');
  });

  test('that runs twice opens twice as many', async () => {
    const bouncer = await pgbouncer({ default_pool_size: 30 });
    expect(await look(bouncer)).toMatchObject({ passed: true });
    expect(await look(bouncer, { pooler: { console: 'bouncer', instances: 2 } })).toMatchObject({
      passed: false,
      summary: expect.stringContaining('max_connections is 60, 69 are needed'),
    });
  });

  test('has a pool for each login, and green brings as many, up to max_db_connections', async () => {
    const [free, limited] = [await pgbouncer(), await pgbouncer({ max_db_connections: 25 })];
    for (const bouncer of [free, limited]) for (const user of ['v_a1', 'v_b2']) await connectTo(bouncer, user);
    const finding = await look(free, { role: 'leases', headroom: 0 });
    // 4 x 10, 1 administrator, 3 reserved; the other PgBouncer's connections are no more than the pools
    expect(finding).toMatchObject({ summary: expect.stringContaining('44 are needed') });
    const capped = await look(limited, { role: 'leases', headroom: 0 });
    expect(capped).toMatchObject({ summary: expect.stringContaining('29 are needed') });
    expect(line(capped, "PgBouncer's pools of shop")).toBe('4 x 10, max_db_connections 25, pool_mode transaction');
  });

  test('that connects as one user has one pool for all clients', async () => {
    const bouncer = await pgbouncer({}, 'user=shop password=shop-secret');
    for (const user of ['v_a1', 'v_b2']) await connectTo(bouncer, user);
    const finding = await look(bouncer);
    expect(line(finding, "PgBouncer's pools of shop")).toBe('1 x 10, pool_mode transaction');
    expect(line(finding, 'clients connected to PgBouncer now')).toMatch(/^2 of the service/);
  });

  test('has to let in the clients of both versions beside all others', async () => {
    const bouncer = await pgbouncer({ max_client_conn: 160 });
    expect(await look(bouncer)).toMatchObject({ passed: true });
    await connectTo(bouncer, 'other');
    expect(await look(bouncer)).toMatchObject({
      passed: false,
      summary: 'max_client_conn of PgBouncer is 160, 161 are needed with both versions running',
      unblock: expect.stringMatching(/max_client_conn = 161 in pgbouncer\.ini and RELOAD/),
    });
  });

  test('in pool_mode session needs a server connection for each client', async () => {
    const bouncer = await pgbouncer({ pool_mode: 'session' });
    const small = { blue: { instances: 1, size: 5 }, green: { instances: 1, size: 5 } };
    expect(await look(bouncer, small)).toMatchObject({ passed: true });
    expect(await look(bouncer)).toMatchObject({
      passed: false,
      summary: expect.stringContaining('one for each client in pool_mode session is 10, 160 are needed'),
      unblock: expect.stringContaining('set pool_mode = transaction'),
    });
  });

  test('whose clients wait is too small for the load of today already', async () => {
    const bouncer = await pgbouncer({ default_pool_size: 4 });
    const holders = await Promise.all([1, 2, 3, 4].map(() => connectTo(bouncer, 'shop')));
    const check = () => createCheck({ ...POOL_SIZE, ...ASKED })(contextWith(bouncer.consoleUrl));
    expect(await check()).toMatchObject({ passed: true });
    const late = await connectTo(bouncer, 'shop');
    await Promise.all(holders.map((holder) => holder.query('BEGIN')));
    const waiting = late.query('SELECT 1');
    let finding = await check();
    await until(async () => {
      finding = await check();
      return !finding.passed;
    });
    await Promise.all(holders.map((holder) => holder.query('COMMIT')));
    await waiting;
    expect(finding.summary).toMatch(
      /clients that wait now for a connection of the pooler: 1, the longest for \d+\.\d s$/,
    );
    expect(finding.unblock).toContain('idle in transaction');
  });

  test('that does not lead to the database is not the one that the service uses', async () => {
    const bouncer = await startPgbouncer({
      databases: { shop: `host=127.0.0.1 port=${postgres.port} dbname=elsewhere` },
      users: [],
    });
    running.push(bouncer);
    expect(await look(bouncer)).toMatchObject({
      passed: false,
      summary: 'PgBouncer has no entry that leads to the database shop, so the service does not use it',
    });
  });

  test.each([
    [
      'a user that may not look',
      ({ port }: TestPgbouncer) => postgres.url({ user: 'shop', database: 'pgbouncer', port }),
    ],
    [
      'a wrong password',
      ({ port }: TestPgbouncer) => postgres.url({ user: 'looker', password: 'wr0ng-one', database: 'pgbouncer', port }),
    ],
    [
      'a URL of a database behind it',
      ({ port }: TestPgbouncer) => postgres.url({ user: 'shop', database: 'shop', port }),
    ],
    ['a URL of PostgreSQL itself', () => postgres.url({ user: 'shop', database: 'shop' })],
    ['a URL where nothing listens', () => postgres.url({ port: 1, database: 'pgbouncer' })],
  ])('cannot be asked with %s, which is an error that says what to do and no secret', async (_name, urlOf) => {
    const bouncer = await pgbouncer();
    for (const config of [CONNECTIONS, POOL_SIZE]) {
      const check = createCheck({ ...config, ...ASKED })(contextWith(urlOf(bouncer)));
      const error: unknown = await check.catch((thrown: unknown) => thrown);
      expect(String(error)).toMatch(
        /the admin console of PgBouncer cannot be asked: database bouncer: .*the database "pgbouncer" and a user that is in stats_users/,
      );
      expect(String(error)).not.toMatch(/wr0ng-one|-secret|postgres:\/\//);
    }
  });
});

test('a console that says nothing is given up when the check is stopped', async () => {
  const silent = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const stop = new AbortController();
  silent.once('connection', () => stop.abort(new Error('stopped by the test')));
  const check = createCheck({ ...CONNECTIONS, ...ASKED });
  await expect(check(contextWith(postgres.url({ port, database: 'pgbouncer' }), stop.signal))).rejects.toThrow(
    'stopped by the test',
  );
  silent.close();
});

describe('in a runbook', () => {
  const parse = (pooler: object) => CHECK.safeParse({ ...CONNECTIONS, timeout: '1m', pooler });

  test('a pooler has a size or a console', () => {
    expect(parse({ serverConnections: 10 }).data).toMatchObject({ pooler: { serverConnections: 10, instances: 1 } });
    expect(parse({ console: 'bouncer' }).success).toBe(true);
    for (const wrong of [{}, { serverConnections: 10, console: 'bouncer' }])
      expect(JSON.stringify(parse(wrong).error?.issues)).toContain('expected { serverConnections: 10 }, or { console');
  });
});
