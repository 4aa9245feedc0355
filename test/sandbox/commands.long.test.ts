import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { isRunning } from '../../src/sandbox/postmaster.ts';
import { counts, eventually, must, observe, processesOf, run } from './support.ts';

let sandbox: Sandbox;
const DEPLOY = 'deploy --service recommendation --version';
const SHIFT = 'shift-traffic --service recommendation --percentage';
const ROLLBACK = 'rollback --service recommendation';
const STATUS = 'traffic-status --service recommendation';
const traffic = async () => JSON.parse(await must(sandbox.env, STATUS)) as unknown;

beforeAll(async () => {
  sandbox = await startSandbox({ withoutPitfalls: true, requestsPerSecond: 100, rows: 50_000, monitoring: false });
});
afterEach(() => must(sandbox.env, ROLLBACK));
afterAll(() => sandbox.stop());

test('blue serves alone and quickly, and its requests are counted', async () => {
  expect(await traffic()).toEqual({ service: 'recommendation', traffic: { '2.4.0': 100 } });
  await observe(sandbox, '2.4.0', 50); // warm up
  const seen = await observe(sandbox, '2.4.0', 100);
  expect(seen.failing).toBe(0);
  expect(seen.slow).toBeLessThan(0.05);
});

test('a deployed version starts without traffic, answers its own health check, and is in the metrics with 0', async () => {
  await must(sandbox.env, `${DEPLOY} 2.5.0`);

  expect(await traffic()).toEqual({ service: 'recommendation', traffic: { '2.4.0': 100, '2.5.0': 0 } });
  expect((await fetch(sandbox.healthUrl.replace('{version}', '2.5.0'))).status).toBe(200);
  expect((await fetch(sandbox.healthUrl.replace('{version}', '2.5.1'))).status).toBe(404);
  expect(await counts(sandbox, '2.5.0')).toEqual({ requests: 0, failed: 0, quick: 0 });
  expect(await (await fetch(sandbox.metricsUrl)).text()).toContain('http_requests_total{version="2.5.0",code="200"} 0');
});

test('staging holds as much as production, serves the new version, and is no traffic of production', async () => {
  const target = sandbox.stagingUrl.replace('{version}', '2.5.0');
  const before = await (await fetch(sandbox.metricsUrl)).text();
  const answer = await fetch(`${target}/recommendations?user=7`);
  expect(answer.status).toBe(200);
  expect(((await answer.json()) as { recommendations: unknown[] }).recommendations).toHaveLength(10);
  expect(before).not.toContain('staging');
  expect((await counts(sandbox, '2.5.0')).requests).toBe(0);

  const url = sandbox.env['RECOMMENDATION_STAGING_DATABASE_URL'];
  expect(await rowsIn(url)).toBe(await rowsIn(sandbox.databaseUrl));
});

async function rowsIn(connectionString: string | undefined): Promise<unknown> {
  const client = new Client({ connectionString });
  await client.connect();
  const { rows } = await client.query('SELECT count(*) FROM interactions');
  await client.end();
  return (rows[0] as { count: string }).count;
}

test('raising max_connections restarts PostgreSQL, and says what customers noticed; blue is healthy after', async () => {
  const said = await must(sandbox.env, 'set-max-connections --service recommendation --connections 45');
  expect(said).toMatch(
    /^max_connections is 45; PostgreSQL was restarted: it took [\d.]+ s; of the \d+ requests of customers from then until now \d+ failed$/,
  );
  const client = new Client({ connectionString: sandbox.databaseUrl });
  await client.connect();
  expect((await client.query('SHOW max_connections')).rows).toEqual([{ max_connections: '45' }]);
  await client.end();
  await eventually(
    async () => ((await observe(sandbox, '2.4.0', 50)).failing === 0 ? true : undefined),
    'a healthy blue',
  );
  expect((await run(sandbox.env, 'set-max-connections --service recommendation --connections 5')).stderr).toContain(
    'expected a whole number from 10 to 999',
  );
});

test('at 50 % both versions get half of the requests, and both serve them quickly', async () => {
  await must(sandbox.env, `${DEPLOY} 2.5.0`);
  await must(sandbox.env, `${SHIFT} 50`);
  const [blue, green] = await Promise.all([observe(sandbox, '2.4.0', 150), observe(sandbox, '2.5.0', 150)]);

  expect(Math.abs(blue.requests - green.requests)).toBeLessThan(30);
  expect([blue.failing, green.failing]).toEqual([0, 0]);
  expect(green.slow).toBeLessThan(0.05);
});

test('at 100 % blue gets nothing, and a rollback gives it everything and stops green', async () => {
  await must(sandbox.env, `${DEPLOY} 2.5.0`);
  await must(sandbox.env, `${SHIFT} 100`);
  const before = await counts(sandbox, '2.4.0');
  await observe(sandbox, '2.5.0', 100);
  expect((await counts(sandbox, '2.4.0')).requests - before.requests).toBeLessThan(5); // those under way at the shift

  await must(sandbox.env, ROLLBACK);
  expect(await traffic()).toEqual({ service: 'recommendation', traffic: { '2.4.0': 100 } });
  expect((await observe(sandbox, '2.4.0', 50)).failing).toBe(0);
  expect(await connections('recommendation-2.5.0')).toBe(0);
});

test('every command may be run twice', async () => {
  for (const line of [`${DEPLOY} 2.5.0`, `${SHIFT} 50`, ROLLBACK]) {
    await must(sandbox.env, line);
    const once = await traffic();
    await must(sandbox.env, line);
    expect(await traffic()).toEqual(once);
  }
  await must(sandbox.env, `${SHIFT} 0`);
});

test('a version that hangs is 504, one that died is 502; deploy brings it back and rollback gets rid of it', async () => {
  await must(sandbox.env, `${DEPLOY} 2.5.0`);
  await must(sandbox.env, `${SHIFT} 20`);
  process.kill(await processOf('2.5.0'), 'SIGSTOP');
  await eventually(() => answered('504'), 'a 504');
  process.kill(await processOf('2.5.0'), 'SIGKILL');
  await eventually(() => answered('502'), 'a 502');

  await must(sandbox.env, `${DEPLOY} 2.5.0`);
  expect(await traffic()).toMatchObject({ traffic: { '2.4.0': 80, '2.5.0': 20 } });
  await eventually(
    async () => ((await observe(sandbox, '2.5.0', 20)).failing === 0 ? true : undefined),
    'a good green',
  );

  const hanging = await processOf('2.5.0');
  process.kill(hanging, 'SIGSTOP');
  await must(sandbox.env, ROLLBACK);
  expect(isRunning(hanging)).toBe(false);
});

test('a new version is refused while another is half way, and makes green blue when it has everything', async () => {
  await must(sandbox.env, `${DEPLOY} 2.5.0`);
  await must(sandbox.env, `${SHIFT} 50`);
  expect((await run(sandbox.env, `${DEPLOY} 2.5.1`)).stderr).toContain('2.5.0 is under way with 50 %');

  await must(sandbox.env, `${SHIFT} 100`);
  await must(sandbox.env, `${DEPLOY} 2.5.1`);
  expect(await traffic()).toMatchObject({ traffic: { '2.5.0': 100, '2.5.1': 0 } });

  await must(sandbox.env, `${SHIFT} 100`);
  await must(sandbox.env, `${DEPLOY} 2.4.0`);
  await must(sandbox.env, `${SHIFT} 100`);
  expect(await traffic()).toMatchObject({ traffic: { '2.5.1': 0, '2.4.0': 100 } });

  // The version before still runs: it becomes the new one again without a start.
  await must(sandbox.env, `${DEPLOY} 2.5.1`);
  await must(sandbox.env, ROLLBACK);
  expect(await traffic()).toEqual({ service: 'recommendation', traffic: { '2.4.0': 100 } });
});

test.each([
  ['deploy --service recommendation', '--version is missing'],
  ['deploy --service recommendation --version 9.9.9', 'there are 2.4.0, 2.5.0'],
  ['deploy --service other --version 2.5.0', 'there is no service "other"'],
  ['shift-traffic --service recommendation --percentage 101', 'a whole number from 0 to 100'],
  ['shift-traffic --service recommendation --percentage 50', 'deploy one first'],
  ['rollback --service recommendation --force', "Unknown option '--force'; usage: rollback --service NAME"],
  ['traffic-status', '--service is missing'],
])('%s: ends with one line that says what to do', async (line, words) => {
  const { code, stderr } = await run(sandbox.env, line);
  expect(code).toBe(1);
  expect(stderr).toContain(words);
  expect(stderr.split('\n')).toHaveLength(1);
});

test('a command says so when there is no sandbox', async () => {
  const { code, stderr } = await run({ ...sandbox.env, BLUEGREEN_SANDBOX: 'http://127.0.0.1:1' }, STATUS);
  expect([code, stderr]).toEqual([1, expect.stringContaining('npm run sandbox')]);
});

test('the audit file has each command with its operation, attempt and outcome', async () => {
  const env = { ...sandbox.env, BLUEGREEN_OPERATION_ID: 'audited/1', BLUEGREEN_ATTEMPT: '2' };
  await run(env, `${SHIFT} 30`);
  const lines = (await readFile(sandbox.auditFile, 'utf8')).trimEnd().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({
    at: expect.any(String),
    command: 'shift-traffic',
    args: { service: 'recommendation', percentage: '30' },
    operation: 'audited/1',
    attempt: '2',
    outcome: expect.stringContaining('failed: there is no new version'),
  });
});

test('each version holds five connections, and the checks may see them and build the index', async () => {
  expect(await connections('recommendation-2.4.0')).toBe(5);
  await query('DROP INDEX interactions_item_created');
  await query('CREATE INDEX CONCURRENTLY interactions_item_created ON interactions (item_id, created_at DESC)');
});

const answered = async (code: string): Promise<true | undefined> =>
  (await (await fetch(sandbox.metricsUrl)).text()).includes(`{version="2.5.0",code="${code}"}`) ? true : undefined;

/** The process of a running version, told apart by what it was started with. */
/** In production: staging runs the new version too, on a database of its own. */
async function processOf(version: string): Promise<number> {
  const database = `:${new URL(sandbox.databaseUrl).port}/`;
  for (const pid of await processesOf(process.pid)) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const [config = ''] = /BLUEGREEN_SANDBOX_CHILD=[^\0]*/.exec(environment) ?? [];
    if (config.includes(`"version":"${version}"`) && config.includes(database) && isRunning(pid)) return pid;
  }
  throw new Error(`no process of ${version}`);
}

async function connections(name: string): Promise<number> {
  return (await query(`SELECT FROM pg_stat_activity WHERE application_name = '${name}'`)).length;
}

async function query(text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: sandbox.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
