import { connect as connectTo, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { Config } from '../../src/checks/postgres-max-connections/schema.ts';
import { common, contextFor, until } from './support/context.ts';
import { createCheck } from './support/create.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

let postgres: TestPostgres;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres(['max_connections=30', 'superuser_reserved_connections=3']);
  admin = await postgres.connect();
  await admin.query(`
    CREATE ROLE recommendation LOGIN PASSWORD 'recommendation-secret';
    CREATE ROLE other LOGIN PASSWORD 'other-secret';
    CREATE ROLE checker LOGIN PASSWORD 'checker-secret' IN ROLE pg_read_all_stats;
    CREATE ROLE blinkered LOGIN PASSWORD 'blinkered-secret'`);
  await admin.query('CREATE DATABASE shop');
});
afterAll(() => postgres.stop());
afterEach(async () => {
  await admin.query(`ALTER ROLE recommendation CONNECTION LIMIT -1; ALTER DATABASE shop CONNECTION LIMIT -1`);
});

function config(changes: Partial<Config> = {}) {
  return {
    ...common,
    kind: 'postgres-max-connections' as const,
    database: 'main',
    role: 'recommendation',
    blue: { instances: 1, size: 5 },
    green: { instances: 1, size: 5 },
    headroom: 5,
    ...changes,
  };
}

function run(changes: Parameters<typeof config>[0] = {}, url = postgres.url({ user: 'checker', database: 'shop' })) {
  return createCheck(config(changes))(contextFor(url));
}

/** Sessions that are closed before this resolves, so that the next test counts none of them. */
async function withSessions<T>(count: number, user: string, use: () => Promise<T>): Promise<T> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => postgres.connect(postgres.url({ user, database: 'shop' }))),
  );
  try {
    return await use();
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await until(async () => {
      const { rows } = await admin.query('SELECT 1 FROM pg_stat_activity WHERE usename = $1', [user]);
      return rows.length === 0;
    });
  }
}

describe('postgres-max-connections', () => {
  test('passes while both versions fit, with the sum line by line', async () => {
    // 5 + 5 for the service, 1 of the administrator above, 3 reserved, 5 to spare
    const finding = await run();
    expect(finding).toMatchObject({
      passed: true,
      summary: 'both versions fit: max_connections is 30, 19 are needed',
    });
    expect(finding.evidence).toEqual([
      { what: "blue's pools", measured: '1 x 5 = 5', source: 'runbook' },
      { what: "green's pools", measured: '1 x 5 = 5', source: 'runbook' },
      { what: 'open as recommendation beyond the pools', measured: '0 (0 open in all)', source: 'database main' },
      { what: 'open by others', measured: '1 (postgres 1)', source: 'database main' },
      { what: 'reserved for administrators', measured: '3 (superuser_reserved_connections)', source: 'database main' },
      { what: 'headroom', measured: '5', source: 'runbook' },
      { what: 'max_connections', measured: '30', required: 'at least 19', source: 'database main' },
    ]);
  });

  test('fails by one connection and passes when that one fits', async () => {
    expect(await run({ headroom: 17 })).toMatchObject({
      passed: false,
      summary: 'max_connections is 30, 31 are needed with both versions running',
      unblock: expect.stringContaining('raise max_connections to at least 31'),
    });
    expect(await run({ headroom: 16 })).toMatchObject({ passed: true });
  });

  test("counts others' sessions, and counts blue's own only once", async () => {
    await withSessions(5, 'recommendation', async () => {
      expect(await run({ headroom: 16 })).toMatchObject({ passed: true });
      await withSessions(2, 'other', async () => {
        const finding = await run({ headroom: 16 });
        expect(finding).toMatchObject({ passed: false, summary: expect.stringContaining('32 are needed') });
        expect(finding.evidence).toContainEqual({
          what: 'open by others',
          measured: '3 (other 2, postgres 1)',
          source: 'database main',
        });
      });
    });
  });

  test("counts what the service's role holds beyond blue's pools", async () => {
    await withSessions(7, 'recommendation', async () => {
      expect(await run({ headroom: 16 })).toMatchObject({
        passed: false,
        summary: expect.stringContaining('32 are needed'),
      });
    });
  });

  test('made again once green is up, does not count its connections twice', async () => {
    await withSessions(10, 'recommendation', async () => {
      const context = contextFor(postgres.url({ user: 'checker', database: 'shop' }));
      expect(await createCheck(config())({ ...context, greenIsUp: true })).toMatchObject({
        passed: true,
        summary: expect.stringContaining('19 are needed'),
      });
      expect(await createCheck(config())(context)).toMatchObject({
        passed: true,
        summary: expect.stringContaining('24 are needed'),
      });
    });
  });

  test("judges the role's limit where it is the tightest", async () => {
    await admin.query('ALTER ROLE recommendation CONNECTION LIMIT 9');
    expect(await run()).toMatchObject({
      passed: false,
      summary: 'connection limit of the role recommendation is 9, 10 are needed with both versions running',
      unblock: expect.stringContaining('ALTER ROLE "recommendation" CONNECTION LIMIT 10'),
    });
    await admin.query('ALTER ROLE recommendation CONNECTION LIMIT 10');
    expect(await run()).toMatchObject({ passed: true });
  });

  test("judges the database's limit, with the others in that database", async () => {
    await admin.query('ALTER DATABASE shop CONNECTION LIMIT 10');
    expect(await run()).toMatchObject({ passed: true });
    await withSessions(1, 'other', async () => {
      expect(await run()).toMatchObject({
        passed: false,
        unblock: expect.stringContaining('ALTER DATABASE "shop" CONNECTION LIMIT 11'),
      });
    });
  });

  test('fails with the exact GRANT when it may not see the sessions of others, and passes after it', async () => {
    const url = postgres.url({ user: 'blinkered', database: 'shop' });
    const finding = await run({}, url);
    expect(finding).toMatchObject({ passed: false, unblock: 'GRANT pg_read_all_stats TO "blinkered";' });
    await admin.query(finding.unblock ?? '');
    expect(await run({}, url)).toMatchObject({ passed: true });
  });

  test('fails when the role is unknown: its limit and its sessions would silently count as none', async () => {
    expect(await run({ role: 'recomendation' })).toMatchObject({
      passed: false,
      summary: expect.stringContaining('no role "recomendation"'),
    });
  });

  test('says of a raised limit that it is set, not in force', async () => {
    await admin.query('ALTER SYSTEM SET max_connections = 100');
    await admin.query('SELECT pg_reload_conf()');
    try {
      await until(async () => {
        const { rows } = await admin.query("SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'");
        return rows[0]?.pending_restart === true;
      });
      const finding = await run({ headroom: 17 });
      expect(finding).toMatchObject({
        passed: false,
        unblock: expect.stringContaining('set, not in force: restart PostgreSQL'),
      });
      expect(JSON.stringify(finding.evidence)).toContain('another value is set, not in force until a restart');
    } finally {
      await admin.query('ALTER SYSTEM RESET max_connections');
      await admin.query('SELECT pg_reload_conf()');
    }
  });

  test('refuses a pooler in front and asks for a direct URL', async () => {
    const pooler = await poolerInFrontOf(postgres.port);
    try {
      expect(await run({}, postgres.url({ user: 'checker', database: 'shop', port: pooler.port }))).toMatchObject({
        passed: false,
        summary: expect.stringContaining('a connection pooler stands in front'),
        unblock: expect.stringContaining('databases.main.urlEnv'),
      });
    } finally {
      pooler.server.close();
    }
  });

  test('fails when no connection is free even for the check', async () => {
    await admin.query('ALTER ROLE checker CONNECTION LIMIT 0');
    try {
      expect(await run()).toMatchObject({
        passed: false,
        summary: expect.stringContaining('no connection is free now'),
      });
    } finally {
      await admin.query('ALTER ROLE checker CONNECTION LIMIT -1');
    }
  });

  test('leaves no session behind', async () => {
    await run();
    await until(async () => {
      const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'bluegreen-check'");
      return rows.length === 0;
    });
  });
});

describe('a database that cannot be asked', () => {
  test.each([
    [
      'a refused connection',
      () => postgres.url({ user: 'checker', port: 1 }),
      /nothing listens on 127\.0\.0\.1:1; start PostgreSQL/,
    ],
    ['a wrong password', () => postgres.url({ user: 'checker', password: 'wr0ng-one' }), /password or user is refused/],
    ['an unknown database', () => postgres.url({ user: 'checker', database: 'nowhere' }), /no database of the name/],
    ['an unknown host', () => 'postgres://u:wr0ng-one@no-such-host.invalid/x', /no-such-host\.invalid:5432/],
    ['no URL', () => 'wr0ng-one', /holds no URL of PostgreSQL/],
  ])('is an error that says what to do and tells no secret: %s', async (_name, url, words) => {
    const error = await run({}, url()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    if (!(error instanceof Error)) return;
    expect(error.message).toMatch(words);
    expect(error.message).toMatch(/^database main: /);
    expect(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toMatch(
      /wr0ng-one|checker-secret|postgres:\/\//,
    );
  });

  test('rejects with the reason when it is stopped while connecting', async () => {
    // Accepts and says nothing: a server that hangs.
    const silent = createServer((socket) => void socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const stop = new AbortController();
    const running = createCheck(config())(contextFor(postgres.url({ port }), stop.signal));
    silent.once('connection', () => stop.abort(new Error('stopped by the test')));
    await expect(running).rejects.toThrow('stopped by the test');
    silent.close();
  });
});

/** Passes everything on but tells a process id of its own, as PgBouncer does. */
async function poolerInFrontOf(port: number): Promise<{ server: Server; port: number }> {
  const server = createServer((client) => {
    const upstream = connectTo(port, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (data) => {
      const key = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12])); // BackendKeyData
      if (key >= 0) data.writeInt32BE(4_711, key + 5);
      client.write(data);
    });
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => [client, upstream].forEach((other) => other.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}
