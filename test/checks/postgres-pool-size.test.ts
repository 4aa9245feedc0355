import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type pg from 'pg';
import { neededSize } from '../../src/checks/postgres-pool-size/check.ts';
import type { Config } from '../../src/checks/postgres-pool-size/schema.ts';
import type { Finding } from '../../src/plugin/observation.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { guide } from '../runbook/support.ts';
import { common, contextFor, until, withRunbook } from './support/context.ts';
import { createCheck } from './support/create.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

let postgres: TestPostgres;
let admin: pg.Client;
let metrics: { server: Server; url: string };
/** What the router would have counted, by version. */
const requests = new Map<string, number>();

beforeAll(async () => {
  postgres = await startPostgres(['max_connections=60', 'superuser_reserved_connections=3']);
  admin = await postgres.connect();
  await admin.query(`
    CREATE ROLE recommendation LOGIN PASSWORD 'recommendation-secret';
    CREATE ROLE checker LOGIN PASSWORD 'checker-secret' IN ROLE pg_read_all_stats;
    CREATE ROLE blinkered LOGIN PASSWORD 'blinkered-secret'`);
  await admin.query('CREATE DATABASE shop');
  const shop = await postgres.connect(postgres.url({ database: 'shop' }));
  await shop.query('CREATE TABLE things AS SELECT 1 AS id; GRANT SELECT ON things TO recommendation');
  await shop.end();
  metrics = await startMetrics();
});
afterAll(async () => {
  metrics.server.closeAllConnections();
  metrics.server.close();
  await postgres.stop();
});
afterEach(() => admin.query('ALTER ROLE recommendation RESET track_activities'));

async function startMetrics(): Promise<{ server: Server; url: string }> {
  const server = createServer((_request, response) => {
    const lines = [...requests].map(([version, n]) => `http_requests_total{version="${version}",code="200"} ${n}`);
    response.end(`# TYPE http_requests_total counter\n${lines.join('\n')}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/metrics` };
}

function config({ hold, ...changes }: Partial<Config> = {}): Config {
  return {
    ...common,
    kind: 'postgres-pool-size',
    database: 'main',
    role: 'recommendation',
    blue: { instances: 2, size: 10 },
    green: { instances: 2, size: 10 },
    peakRequests: 100,
    measureFor: 3_000,
    margin: 2,
    ...changes,
    ...(hold !== undefined && { hold }),
  };
}

function runbook(): Runbook {
  return scraping(metrics.url);
}

/** The guide's runbook with this page, and without latency. */
function scraping(url: string): Runbook {
  const { latency: _unused, ...scraped } = { latency: '', ...guide().metrics };
  const elsewhere = { ...scraped, targets: [url] };
  return { ...guide(), limits: { errorRate: 0.05 }, metrics: elsewhere };
}

function run(changes: Partial<Config> = {}, user = 'checker', signal?: AbortSignal): Promise<Finding> {
  const context = contextFor(postgres.url({ user, database: 'shop' }), signal);
  return createCheck(config(changes))(withRunbook(context, runbook()));
}

/** Four connections of the service's, always in use: each request does `work` and is counted once it is answered. */
async function underTraffic<T>(work: (client: pg.Client) => Promise<unknown>, use: () => Promise<T>): Promise<T> {
  const url = postgres.url({ user: 'recommendation', database: 'shop' });
  const clients = await Promise.all(Array.from({ length: 4 }, () => postgres.connect(url)));
  const over = new AbortController();
  const workers = clients.map(async (client, index) => {
    const version = index % 2 === 0 ? '2.4.0' : '2.5.0';
    while (!over.signal.aborted) {
      await work(client);
      requests.set(version, (requests.get(version) ?? 0) + 1);
    }
  });
  try {
    return await use();
  } finally {
    over.abort();
    await Promise.all(workers);
    await Promise.all(clients.map((client) => client.end()));
    await until(async () => {
      const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE usename = 'recommendation'");
      return rows.length === 0;
    });
  }
}

/** Reads a table, as services do: of a session that reads none PostgreSQL takes the times only when it ends. */
const TWENTY_MS = (client: pg.Client) => client.query('SELECT pg_sleep(0.02) FROM things');

describe('with the hold from a load test', () => {
  test('passes when each pool carries its share of the peak, with the sum as evidence', async () => {
    // 100/s over 2 instances, 20 ms each, twice: 2 connections
    const finding = await run({ hold: 20 });
    expect(finding).toMatchObject({
      passed: true,
      summary:
        "the pools carry 100 requests/s (blue needs 2 for each instance and has 10, green needs 2 for each instance and has 10), and both versions' fit: max_connections is 60, 44 are needed",
    });
    expect(finding.evidence).toEqual(
      expect.arrayContaining([
        { what: 'peak', measured: '100 requests/s', source: 'runbook' },
        { what: 'a request holds a connection for', measured: '20 ms', source: 'runbook' },
        {
          what: "green's pool of each instance",
          measured: '10, more than it needs',
          required: 'at least 2',
          source: 'runbook',
        },
        { what: 'max_connections', measured: '60', required: 'at least 44', source: 'database main' },
      ]),
    );
  });

  test('fails by one connection, with the size for each instance, and passes with that', async () => {
    // 1000/s over 2 instances, 9.5 ms, twice: 9.5 connections
    const small = { instances: 2, size: 9 };
    const finding = await run({ peakRequests: 950, hold: 10, green: small });
    expect(finding).toMatchObject({
      passed: false,
      summary: "at 950 requests/s: green's pool of 9 is too small, 10 are needed",
      unblock: expect.stringMatching(/^set green's pool to 10 connections for each instance/),
    });
    expect(await run({ peakRequests: 950, hold: 10, green: { ...small, size: 10 } })).toMatchObject({ passed: true });
  });

  test('judges blue as well: after a rollback it carries everything, on its own instances', async () => {
    expect(await run({ hold: 20, blue: { instances: 1, size: 3 } })).toMatchObject({
      passed: false,
      summary: "at 100 requests/s: blue's pool of 3 is too small, 4 are needed",
    });
  });

  test('a pool that is too large fails only where both do not fit', async () => {
    expect(await run({ hold: 20, blue: { instances: 2, size: 18 } })).toMatchObject({ passed: true });
    expect(await run({ hold: 20, blue: { instances: 2, size: 19 } })).toMatchObject({
      passed: false,
      summary: "at 100 requests/s: both versions' pools do not fit: max_connections is 60, 62 are needed",
      unblock: 'make the pools smaller: blue needs 2, green needs 2 for each instance',
    });
  });

  test('where even the smallest pools do not fit, says which limit to raise, and to what', async () => {
    expect(await run({ peakRequests: 1_000, hold: 20 })).toMatchObject({
      passed: false,
      summary: expect.stringMatching(
        /blue's pool of 10 is too small, 20 are needed; .*max_connections is 60, 84 are needed/,
      ),
      unblock: expect.stringContaining('raise max_connections to at least 84'),
    });
  });

  test('counts what the role holds beyond its pools in both cases', async () => {
    const finding = await underTraffic(TWENTY_MS, () =>
      run({ hold: 1, blue: { instances: 1, size: 2 }, green: { instances: 1, size: 1 }, peakRequests: 10 }),
    );
    expect(finding.evidence).toContainEqual({
      what: 'open as recommendation beyond the pools',
      measured: '2 (4 open in all: recommendation 4)',
      source: 'database main',
    });
  });

  test.each([
    ['may not see other sessions', 'blinkered', {}, /GRANT pg_read_all_stats TO "blinkered"/],
    ['is told of a role that is not there', 'checker', { role: 'nobody' }, /correct "role"/],
  ])('fails with what to do when it %s', async (_name, user, changes, unblock) => {
    expect(await run({ hold: 20, ...changes }, user)).toMatchObject({
      passed: false,
      unblock: expect.stringMatching(unblock),
    });
  });
});

describe('with the hold measured', () => {
  test.each<[string, (client: pg.Client) => Promise<unknown>]>([
    ['in statements', TWENTY_MS],
    [
      'in transactions that wait for the service',
      async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT * FROM things');
        await sleep(20);
        await client.query('COMMIT');
      },
    ],
  ])('counts the time %s, over the requests of both versions', async (_name, work) => {
    const [enough, little] = await underTraffic(work, () =>
      Promise.all([run({ peakRequests: 10 }), run({ peakRequests: 2_000 })]),
    );
    expect(enough).toMatchObject({ passed: true });
    expect(little).toMatchObject({
      passed: false,
      unblock: expect.stringMatching(/^set blue's pool to \d+ connections/),
    });
    const line = enough.evidence.find(({ what }) => what === 'a request holds a connection for');
    const words = /^([\d.]+) ms: \d+ ms of connections in use, (\d+) requests, in \d\.\d s; nobody else was connected$/;
    const [, ms, counted] = words.exec(line?.measured ?? '') ?? [];
    // 20 ms and a little; PostgreSQL adds a session's times up to a second late.
    expect(Number(ms)).toBeGreaterThan(10);
    expect(Number(ms)).toBeLessThan(60);
    expect(Number(counted)).toBeGreaterThan(100);
  });

  test('tells that others were connected, since their time is in it', async () => {
    const other = await postgres.connect(postgres.url({ database: 'shop' }));
    const finding = await underTraffic(TWENTY_MS, () => run({ peakRequests: 10, measureFor: 1_500 }));
    await other.end();
    expect(JSON.stringify(finding.evidence)).toContain('sessions of others, whose time is in it: 1');
  });

  test('fails on too few requests, asking for hold or more traffic', async () => {
    const finding = await underTraffic(
      async () => sleep(300),
      () => run({ measureFor: 500 }),
    );
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(/^only \d requests in 0\.\d s: too few to measure by$/),
      unblock: expect.stringMatching(/give "hold" in the runbook.*more traffic.*longer measureFor/),
    });
  });

  test('fails when nobody is connected as the role: there is nothing to measure', async () => {
    expect(await run()).toMatchObject({
      passed: false,
      summary: expect.stringContaining('nobody is connected as recommendation'),
      unblock: expect.stringContaining('"hold"'),
    });
  });

  test('fails where the times are not kept', async () => {
    await admin.query('ALTER ROLE recommendation SET track_activities = off');
    await admin.query('ALTER ROLE recommendation SET work_mem = 1024');
    expect(await underTraffic(TWENTY_MS, () => run())).toMatchObject({
      passed: false,
      summary: expect.stringContaining('track_activities is off'),
      unblock: expect.stringContaining('role recommendation'),
    });
  });

  test('metrics that cannot be read are an error in words, without their URL', async () => {
    const context = contextFor(postgres.url({ user: 'checker', database: 'shop' }));
    const gone = await startMetrics();
    await new Promise((resolve) => gone.server.close(resolve));
    await underTraffic(TWENTY_MS, () =>
      expect(createCheck(config())(withRunbook(context, scraping(gone.url)))).rejects.toThrow(
        /^metrics target 1 of 1: the connection was refused$/,
      ),
    );
  });

  test('stops at once when it is told to', async () => {
    const stop = new AbortController();
    const context = contextFor(postgres.url({ user: 'checker', database: 'shop' }), stop.signal);
    await underTraffic(TWENTY_MS, async () => {
      const running = createCheck(config({ measureFor: 3_600_000 }))(withRunbook(context, runbook()));
      await until(() => JSON.stringify(context.heartbeats).includes('measuring'));
      stop.abort(new Error('stopped by the test'));
      await expect(running).rejects.toThrow('stopped by the test');
    });
  });
});

describe('the size that is needed', () => {
  test("is Little's law with a margin, at least 1, and whole numbers stay what they are", () => {
    const by = { peakRequests: 100, margin: 2 };
    expect(neededSize(by, { instances: 2, holdMs: 20 })).toBe(2);
    expect(neededSize(by, { instances: 2, holdMs: 20.1 })).toBe(3);
    expect(neededSize(by, { instances: 1, holdMs: 0.01 })).toBe(1);
  });

  test('keeps the connections in use within the pool, by no more than one to spare', () => {
    fc.assert(
      fc.property(
        fc.record({
          peakRequests: fc.integer({ min: 1, max: 10_000 }),
          margin: fc.integer({ min: 1, max: 5 }),
          instances: fc.integer({ min: 1, max: 50 }),
          holdMs: fc.double({ min: 0.01, max: 1_000, noNaN: true }),
        }),
        ({ peakRequests, margin, instances, holdMs }) => {
          const size = neededSize({ peakRequests, margin }, { instances, holdMs });
          const inUse = ((peakRequests * holdMs) / 1_000 / instances) * margin;
          expect(size).toBeGreaterThanOrEqual(inUse - 1e-6);
          expect(size).toBeLessThanOrEqual(Math.max(1, inUse + 1));
        },
      ),
    );
  });
});
