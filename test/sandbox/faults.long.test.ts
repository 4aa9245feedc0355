import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { type Fault, type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { eventually, must, observe, run } from './support.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ withoutPitfalls: true, staging: false, monitoring: false });
});
afterEach(async () => {
  await sandbox.clearFault();
  await must(sandbox.env, 'rollback --service recommendation');
});
afterAll(() => sandbox.stop());

test('bad-release: green answers 500 to some, and after the rollback blue is healthy', async () => {
  await releaseInto({ name: 'bad-release' });
  await greenIsBad();
  await rollsBack();
});

test('missing-index: green gets slow by losing the index, and after the rollback blue is healthy', async () => {
  await releaseInto({ name: 'missing-index' });
  await eventually(async () => ((await observe(sandbox, '2.5.0', 20)).slow > 0.05 ? true : undefined), 'a slow green');
  await rollsBack();
  expect(await hasIndex()).toBe(false);
  await query('CREATE INDEX CONCURRENTLY interactions_item_created ON interactions (item_id, created_at DESC)');
});

test('clearing a missing-index that struck builds the index again', async () => {
  await releaseInto({ name: 'missing-index' });
  await eventually(async () => ((await hasIndex()) ? undefined : true), 'the loss of the index');
  await sandbox.clearFault();
  expect(await hasIndex()).toBe(true);
  await eventually(async () => ((await observe(sandbox, '2.5.0', 20)).slow === 0 ? true : undefined), 'a quick green');
});

test('pool-exhaustion at 50 %: PostgreSQL refuses connections, and after the rollback blue is healthy', async () => {
  await releaseInto({ name: 'pool-exhaustion' });
  await greenIsBad();
  await rollsBack();
});

test('pool-exhaustion after a while at 100 %: blue still has its connections when the traffic returns', async () => {
  // Longer than pg's pool keeps idle connections by default: a blue that lost them could not serve after the rollback.
  await releaseInto({ name: 'pool-exhaustion', atPercentage: 100, afterMs: 11_000 });
  await must(sandbox.env, 'shift-traffic --service recommendation --percentage 100');
  expect((await observe(sandbox, '2.5.0', 20)).failing).toBe(0);
  await greenIsBad();
  expect(await query(`SELECT FROM pg_stat_activity WHERE application_name = 'recommendation-2.4.0'`)).toBe(5);
  await rollsBack();
});

test('slow-rollback: the command takes long before it moves the traffic; killed, it has changed nothing', async () => {
  await releaseInto({ name: 'slow-rollback' });
  // Two seconds of traffic that a quick rollback would not have left; longer where the command is slow to start.
  let requests = 40;
  await eventually(async () => {
    const gone = new AbortController();
    const rollback = run(sandbox.env, 'rollback --service recommendation', gone.signal);
    await observe(sandbox, '2.5.0', requests);
    gone.abort();
    await rollback;
    requests *= 2;
    const audit = await readFile(sandbox.auditFile, 'utf8');
    return audit.includes('ended before it moved the traffic') ? true : undefined;
  }, 'the end of the killed rollback');
  expect(await traffic()).toEqual({ '2.4.0': 50, '2.5.0': 50 });

  await sandbox.clearFault();
  await rollsBack();
});

test('a fault that was cleared does not strike', async () => {
  await sandbox.inject({ name: 'bad-release' });
  await sandbox.clearFault();
  await must(sandbox.env, 'deploy --service recommendation --version 2.5.0');
  await must(sandbox.env, 'shift-traffic --service recommendation --percentage 50');
  expect((await observe(sandbox, '2.5.0', 40)).failing).toBe(0);
});

async function releaseInto(fault: Fault): Promise<void> {
  await sandbox.inject(fault);
  await must(sandbox.env, 'deploy --service recommendation --version 2.5.0');
  await must(sandbox.env, 'shift-traffic --service recommendation --percentage 50');
}

const greenIsBad = () =>
  eventually(async () => ((await observe(sandbox, '2.5.0', 20)).failing > 0.1 ? true : undefined), 'a failing green');

/** Recovered: all traffic on blue, and blue's own fresh requests are fine. Well within the guide's 90 s. */
async function rollsBack(): Promise<void> {
  await must(sandbox.env, 'rollback --service recommendation');
  expect(await traffic()).toEqual({ '2.4.0': 100 });
  await eventually(async () => {
    const { failing, slow } = await observe(sandbox, '2.4.0', 50);
    return failing === 0 && slow === 0 ? true : undefined;
  }, 'a healthy blue');
}

async function traffic(): Promise<unknown> {
  const status = JSON.parse(await must(sandbox.env, 'traffic-status --service recommendation')) as { traffic: unknown };
  return status.traffic;
}

const hasIndex = async () =>
  (await query(`SELECT FROM pg_indexes WHERE tablename = 'interactions' AND indexdef LIKE '%(item_id, %'`)) === 1;

/** @returns how many rows. */
async function query(text: string): Promise<number | null> {
  const client = new Client({ connectionString: sandbox.databaseUrl });
  await client.connect();
  try {
    return (await client.query(text)).rowCount;
  } finally {
    await client.end();
  }
}
