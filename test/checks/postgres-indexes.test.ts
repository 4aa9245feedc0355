import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { progressOf } from '../../src/domain/progress.ts';
import { contextFor, until } from './support/context.ts';
import { createCheck, createRemedy } from './support/create.ts';
import { indexCheck, type Wanted } from './support/indexes.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

let postgres: TestPostgres;
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres();
  admin = await postgres.connect();
  await admin.query("CREATE ROLE stranger LOGIN PASSWORD 'stranger-secret'");
});
afterAll(() => postgres.stop());

beforeEach(async () => {
  await admin.query(`
    DROP TABLE IF EXISTS interactions CASCADE; DROP TABLE IF EXISTS elsewhere;
    CREATE TABLE interactions (gone int, id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL,
      item_id int NOT NULL, weight real NOT NULL, note text, created_at timestamptz NOT NULL);
    ALTER TABLE interactions DROP COLUMN gone;
    INSERT INTO interactions (user_id, item_id, weight, note, created_at)
      SELECT g % 100, g % 50, 0.5, 'note ' || g, now() - g * interval '1 s' FROM generate_series(1, 2000) g`);
});

const WANTED: Wanted = {
  table: 'interactions',
  columns: ['item_id', 'created_at DESC'],
  unique: false,
  method: 'btree',
  name: 'interactions_item_created',
};

const { config, look, build } = indexCheck(WANTED, () => contextFor(postgres.url()));

async function indexNames(): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'interactions'::regclass ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

/** As an interrupted CREATE INDEX CONCURRENTLY leaves it. */
async function leaveInvalid(name: string, definition = 'interactions (item_id, created_at DESC)'): Promise<void> {
  await admin.query(`CREATE INDEX ${name} ON ${definition}`);
  await admin.query(
    `UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = '${name}'::regclass`,
  );
}

describe('postgres-indexes, looking', () => {
  test('fails when the index is missing, says how to create it, and passes after that', async () => {
    const finding = await look();
    expect(finding).toMatchObject({
      passed: false,
      summary: 'index on interactions (item_id, created_at DESC): missing',
      unblock:
        'create it: CREATE INDEX CONCURRENTLY "interactions_item_created" ON interactions USING btree (item_id, created_at DESC);',
    });
    await admin.query(finding.unblock?.replace('create it: ', '') ?? '');
    expect(await look()).toEqual({
      passed: true,
      summary: 'the index is there and valid',
      evidence: [
        {
          what: 'index on interactions (item_id, created_at DESC)',
          measured: 'interactions_item_created, valid',
          required: 'there and valid',
          source: 'database main',
        },
      ],
    });
  });

  test.each<[string, string, Partial<Wanted>]>([
    ['another name and other spelling', '(ITEM_ID int4_ops ASC, created_at DESC NULLS FIRST)', {}],
    ['a column that is only included', '(item_id, created_at DESC) INCLUDE (weight)', {}],
    ['an expression', '(lower(note), (weight * 2))', { columns: ['LOWER("note")', '(weight*2)'] }],
  ])('accepts an equal index: %s', async (_name, definition, wanted) => {
    await admin.query(`CREATE INDEX any_name ON interactions ${definition}`);
    expect(await look(wanted)).toMatchObject({ passed: true, evidence: [{ measured: 'any_name, valid' }] });
  });

  test('accepts the predicate however it is spelt', async () => {
    await admin.query('CREATE INDEX any_name ON interactions (item_id) WHERE ((weight) > (0.5)) AND note IS NOT NULL');
    expect(await look({ columns: ['item_id'], where: 'weight>0.5 and (note is not null)' })).toMatchObject({
      passed: true,
    });
  });

  test('accepts a unique index where none is asked for, and no plain one where it is', async () => {
    await admin.query('CREATE INDEX plain ON interactions (id DESC)');
    expect(await look({ columns: ['id'] })).toMatchObject({
      passed: true,
      evidence: [{ measured: 'interactions_pkey, valid' }],
    });
    expect(await look({ columns: ['id DESC'], unique: true })).toMatchObject({ passed: false });
  });

  test.each<[string, string, Partial<Wanted>]>([
    ['ascending instead of descending', '(item_id, created_at)', {}],
    ['other nulls', '(item_id, created_at DESC NULLS LAST)', {}],
    ['columns in another order', '(created_at DESC, item_id)', {}],
    ['more key columns', '(item_id, created_at DESC, weight)', {}],
    ['fewer key columns', '(item_id)', {}],
    ['a predicate that was not asked for', '(item_id, created_at DESC) WHERE weight > 0', {}],
    ['another method', 'USING hash (item_id)', { columns: ['item_id'] }],
    ['another operator class', '(note text_pattern_ops)', { columns: ['note'] }],
    ['another collation', '(note COLLATE "C")', { columns: ['note COLLATE "POSIX"'] }],
  ])('does not accept %s', async (_name, definition, wanted) => {
    await admin.query(`CREATE INDEX almost ON interactions ${definition}`);
    expect(await look(wanted)).toMatchObject({ passed: false, summary: expect.stringContaining('missing') });
  });

  test('does not accept an invalid index', async () => {
    await leaveInvalid('interactions_item_created');
    expect(await look()).toMatchObject({
      passed: false,
      summary: expect.stringContaining('invalid: a build of it was interrupted'),
      unblock: expect.stringContaining('DROP INDEX CONCURRENTLY'),
    });
  });

  test('changes nothing, though its remedy would', async () => {
    expect(await look()).toMatchObject({ passed: false });
    expect(await indexNames()).toEqual(['interactions_pkey']);
  });

  test('needs no right but to read the table and to have temporary ones', async () => {
    await admin.query('GRANT SELECT ON interactions TO stranger');
    await admin.query('CREATE INDEX ON interactions (item_id, created_at DESC)');
    const asStranger = contextFor(postgres.url({ user: 'stranger' }));
    expect(await createCheck(config())(asStranger)).toMatchObject({ passed: true });
  });

  test.each<[string, Partial<Wanted>, RegExp, RegExp]>([
    ['an unknown table', { table: 'interaction' }, /there is no table interaction/, /correct its name/],
    ['a table in an unknown schema', { table: 'shop.interactions' }, /there is no table shop\.interactions/, /create/],
    ['a table named to do harm', { table: 'interactions; DROP TABLE interactions' }, /there is no table/, /correct/],
    ['an unknown column', { columns: ['item'] }, /column "item" does not exist/, /correct columns/],
    ['no SQL at all', { columns: ['item_id, ,'] }, /syntax error/, /correct columns/],
    [
      'a second statement',
      { columns: ['item_id); DROP TABLE interactions; --'] },
      /multiple commands|syntax/,
      /correct/,
    ],
    ['an unknown method', { method: 'btrie' }, /btrie/, /correct/],
  ])('fails clearly on %s', async (_name, wanted, summary, unblock) => {
    expect(await look(wanted)).toMatchObject({
      passed: false,
      summary: expect.stringMatching(summary),
      unblock: expect.stringMatching(unblock),
    });
    const { done, summary: said } = await build(wanted);
    expect(done).toBe(false);
    expect(said).toMatch(summary);
    expect(said).toMatch(unblock);
    expect(await indexNames()).toEqual(['interactions_pkey']);
  });
});

describe('postgres-indexes, the remedy', () => {
  test('builds a missing index, once, and says what it built in how long', async () => {
    expect(await build()).toEqual({
      done: true,
      summary: expect.stringMatching(
        /^index on interactions \(item_id, created_at DESC\): interactions_item_created built concurrently in \d+\.\d s$/,
      ),
    });
    expect(await look()).toMatchObject({ passed: true, evidence: [{ measured: 'interactions_item_created, valid' }] });
    expect(await build()).toMatchObject({
      done: true,
      summary: expect.stringContaining('interactions_item_created was there already'),
    });
    expect(await indexNames()).toEqual(['interactions_item_created', 'interactions_pkey']);
  });

  test('builds what it can, and says what it did and what not', async () => {
    const { indexes } = config();
    const both = { ...config(), indexes: [...indexes, { ...WANTED, name: 'other', columns: ['nothing'] }] };
    const result = await createRemedy(both)?.(contextFor(postgres.url()));
    expect(result).toMatchObject({ done: false });
    expect(result?.summary).toMatch(
      /interactions_item_created built concurrently.*"nothing" does not exist.*to do: correct/,
    );
    expect(await look()).toMatchObject({ passed: true });
  });

  test('drops the invalid rest of an interrupted build and builds again', async () => {
    await leaveInvalid('interactions_item_created');
    expect(await build()).toMatchObject({
      done: true,
      summary: expect.stringContaining('after the invalid rest of an interrupted build was dropped'),
    });
    expect(await look()).toMatchObject({ passed: true });
    expect(await indexNames()).toEqual(['interactions_item_created', 'interactions_pkey']);
  });

  test('touches nothing of another definition under the wanted name, valid or not', async () => {
    await leaveInvalid('interactions_item_created', 'interactions (weight)');
    expect(await build()).toMatchObject({
      done: false,
      summary: expect.stringMatching(/the name interactions_item_created is taken by something else: .*\(weight\)/),
    });
    expect(await indexNames()).toEqual(['interactions_item_created', 'interactions_pkey']);
  });

  test('builds a unique index; on rows that contradict it, says so and leaves nothing behind', async () => {
    expect(await build({ columns: ['id', 'item_id'], unique: true })).toMatchObject({ done: true });
    const onePerItem = { columns: ['item_id'], unique: true, name: 'one_per_item' };
    const { done, summary } = await build(onePerItem);
    expect(done).toBe(false);
    expect(summary).toMatch(/cannot be built on the rows as they are: .*to do: correct the rows of interactions/);
    expect(await indexNames()).not.toContain('one_per_item');
    await admin.query('DELETE FROM interactions WHERE id > 50');
    expect(await build(onePerItem)).toMatchObject({ done: true });
    expect(await look(onePerItem)).toMatchObject({ passed: true });
  });

  test('says what to do when the table belongs to somebody else', async () => {
    const asStranger = () => build({}, contextFor(postgres.url({ user: 'stranger' })));
    expect(await asStranger()).toMatchObject({
      done: false,
      summary: expect.stringContaining('GRANT SELECT ON "interactions" TO "stranger";'),
    });
    await admin.query('GRANT SELECT ON interactions TO stranger');
    expect(await asStranger()).toMatchObject({
      done: false,
      summary: expect.stringContaining('the owner of interactions'),
    });
    await admin.query('ALTER TABLE interactions OWNER TO stranger; GRANT CREATE ON SCHEMA public TO stranger');
    expect(await asStranger()).toMatchObject({ done: true });
    expect(await look()).toMatchObject({ passed: true });
  });

  test('waits for a transaction that holds it up, naming it in the heartbeat, and then finishes', async () => {
    const idle = await inTransaction();
    const context = contextFor(postgres.url());
    const running = build({}, context);
    await until(() =>
      context.heartbeats.some((beat) =>
        progressOf(beat).waitsFor?.some(({ who }) => who.startsWith(`session ${idle.pid} of postgres`)),
      ),
    );
    expect(progressOf(context.heartbeats.at(-1))).toMatchObject({
      doing: expect.stringMatching(/^building the index interactions_item_created \(waiting for /),
      waitsFor: [
        {
          who: expect.stringMatching(/^session \d+ of postgres \(from 127\.0\.0\.1\), idle in transaction$/),
          since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          toEnd: `SELECT pg_terminate_backend(${idle.pid});`,
        },
      ],
    });
    await idle.client.query('COMMIT');
    expect(await running).toMatchObject({ done: true });
  });

  test('waits for a build that is under way instead of starting a second one', async () => {
    const idle = await inTransaction();
    const first = build();
    await until(async () => (await indexNames()).includes('interactions_item_created'));
    const context = contextFor(postgres.url());
    const second = build({}, context);
    await until(() => JSON.stringify(context.heartbeats).includes('waiting for another build'));
    // Who builds it, and who holds that up.
    expect(progressOf(context.heartbeats.at(-1)).waitsFor?.map(({ who }) => who)).toEqual([
      expect.stringMatching(/\(bluegreen-check from 127\.0\.0\.1\), active$/),
      expect.stringMatching(new RegExp(`^session ${idle.pid} of postgres .*idle in transaction$`)),
    ]);
    expect(await look()).toMatchObject({
      passed: false,
      summary: expect.stringMatching(
        new RegExp(`being built now by session \\d+ of postgres.*; it is held up by session ${idle.pid} of postgres`),
      ),
    });
    await idle.client.query('COMMIT');
    expect(await first).toMatchObject({ done: true });
    expect(await second).toMatchObject({
      done: true,
      summary: expect.stringContaining('another session was building it'),
    });
    expect(await indexNames()).toEqual(['interactions_item_created', 'interactions_pkey']);
  });

  test('when it is stopped, cancels the build in the server, drops what is left of it, and rejects', async () => {
    const idle = await inTransaction();
    await stopTheBuild();
    expect(await indexNames()).toEqual(['interactions_pkey']);
    await idle.client.query('COMMIT');
  });

  test('what it cannot drop when it is stopped the check calls invalid, and the next run clears it up', async () => {
    const idle = await inTransaction('interactions');
    await stopTheBuild();
    expect(await look()).toMatchObject({
      passed: false,
      summary: expect.stringMatching(/invalid: a build of it was interrupted \(interactions_item_created\)/),
      unblock: expect.stringContaining('DROP INDEX CONCURRENTLY IF EXISTS "public"."interactions_item_created";'),
    });
    await idle.client.query('COMMIT');
    expect(await build()).toMatchObject({ done: true });
    expect(await look()).toMatchObject({ passed: true });
  });

  test('neither a vacuum nor a build of another index is taken for a build of an invalid one', async () => {
    await leaveInvalid('interactions_item_created');
    const idle = await inTransaction();
    const other = await postgres.connect();
    const building = other.query('CREATE INDEX CONCURRENTLY of_others ON interactions (note)');
    await until(async () => (await indexNames()).includes('of_others'));
    expect(await look()).toMatchObject({ passed: false, summary: expect.stringContaining('invalid: a build of it') });
    await idle.client.query('COMMIT');
    await building;
    // What a vacuum takes, and a DROP INDEX CONCURRENTLY.
    await other.query('BEGIN; LOCK TABLE interactions IN SHARE UPDATE EXCLUSIVE MODE');
    expect(await look()).toMatchObject({ passed: false, summary: expect.stringContaining('invalid: a build of it') });
    await other.query('COMMIT');
  });

  test('of a check without indexes has nothing to build', async () => {
    const result = await createRemedy({ ...config(), indexes: [] })?.(contextFor(postgres.url()));
    expect(result).toEqual({ done: true, summary: expect.stringContaining('nothing to build') });
  });
});

/** A transaction with a snapshot, idle, by default on quite another table: every concurrent build has to wait for it. */
async function inTransaction(table = 'elsewhere'): Promise<{ client: pg.Client; pid: number }> {
  await admin.query('CREATE TABLE IF NOT EXISTS elsewhere (id int)');
  const client = await postgres.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query(`SELECT * FROM ${table}`);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return { client, pid: rows[0]?.pid ?? 0 };
}

/** Runs the remedy, and stops it once the index is begun. */
async function stopTheBuild(): Promise<void> {
  const stop = new AbortController();
  const running = build({}, contextFor(postgres.url(), stop.signal));
  await until(async () => (await indexNames()).includes('interactions_item_created'));
  stop.abort(new Error('stopped by the test'));
  await expect(running).rejects.toThrow('stopped by the test');
  await until(async () => {
    const { rows } = await admin.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'bluegreen-check'");
    return rows.length === 0;
  });
}
