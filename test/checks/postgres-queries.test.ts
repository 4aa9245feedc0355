import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { type PlanNode, readsOf } from '../../src/checks/postgres-indexes/queries/plan.ts';
import type { Config } from '../../src/checks/postgres-indexes/schema.ts';
import { seed } from '../../src/sandbox/seed.ts';
import { QUERIES } from '../../src/sandbox/service.ts';
import { common, contextFor, until } from './support/context.ts';
import { createCheck, createRemedy } from './support/create.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

type Query = Config['queries'][number];

let postgres: TestPostgres;
let admin: pg.Client;

/** The check's role may write, so that nothing but the check itself keeps it from writing. */
beforeAll(async () => {
  postgres = await startPostgres(['autovacuum=off']);
  admin = await postgres.connect();
  await seed(admin, 20_000);
  await admin.query(`
    CREATE ROLE checker LOGIN PASSWORD 'checker-secret';
    GRANT ALL ON ALL TABLES IN SCHEMA public TO checker;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO checker`);
});
afterAll(() => postgres.stop());

const TREND: Query = {
  name: 'trend',
  sql: QUERIES.get('2.5.0') ?? '',
  parameters: [42],
  table: 'interactions',
  minRows: 1_000,
};
const LOOKUP: Query = { ...TREND, name: 'lookup', sql: 'SELECT * FROM interactions WHERE id = $1' };

function config(query: Partial<Query> = {}, rest: Partial<Config> = {}): Config {
  const queries = [{ ...LOOKUP, ...query }];
  return { ...common, kind: 'postgres-indexes', database: 'main', indexes: [], queries, ...rest };
}

const asChecker = () => contextFor(postgres.url({ user: 'checker' }));
const plan = (query: Partial<Query> = {}, context = asChecker()) => createCheck(config(query))(context);

describe("the sandbox's new query", () => {
  test('fails without its index, and passes when the remedy has built it', async () => {
    const index = { table: 'interactions', columns: ['item_id', 'created_at DESC'], unique: false, method: 'btree' };
    const both = config(TREND, {
      indexes: [{ ...index, name: 'interactions_item_created' }],
      remedy: { create: 'concurrently', automatic: true, timeout: 60_000 },
    });
    const finding = await createCheck(both)(contextFor(postgres.url()));
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(
        /missing; query trend on interactions: it reads public\.interactions from end to end \(Seq Scan\)$/,
      ),
      unblock: expect.stringContaining('give interactions an index that serves the conditions of query trend'),
    });
    expect(finding.evidence).toContainEqual({
      what: 'plan of query trend on interactions',
      measured: expect.stringMatching(/^Seq Scan on public\.interactions \(cost [\d.]+\); total cost [\d.]+$/),
      required: 'every read uses an index by a condition',
      source: 'database main',
    });

    expect(await createRemedy(both)?.(contextFor(postgres.url()))).toMatchObject({ done: true });
    const after = await createCheck(both)(contextFor(postgres.url()));
    expect(after).toMatchObject({
      passed: true,
      summary: 'the index is there and valid, and the query is planned as required',
    });
    expect(after.evidence).toContainEqual({
      what: 'plan of query trend on interactions',
      measured: expect.stringMatching(
        /^\w+( \w+)* Scan on public\.interactions using interactions_item_created by a condition \(cost [\d.]+\)/,
      ),
      required: 'every read uses an index by a condition',
      source: 'database main',
    });
    expect(after.evidence).toContainEqual({
      what: 'statistics of interactions',
      measured: expect.stringMatching(/^20000 rows, analyzed at 20\S+Z, just now$/),
      required: 'at least 1000 rows, analyzed, at most 20 % of them changed since',
      source: 'database main',
    });
  });

  test('passes as blue runs it: there its table is read by its key', async () => {
    expect(await plan({ sql: QUERIES.get('2.4.0') ?? '', table: 'recommendations' })).toMatchObject({ passed: true });
  });
});

describe('how a table is read', () => {
  const whole: PlanNode = { 'Node Type': 'Bitmap Index Scan', 'Index Name': 'by_item', 'Total Cost': 4 };
  const condition: PlanNode = { ...whole, 'Index Cond': '(item_id = 7)' };
  const combined = (type: string, ...Plans: PlanNode[]): PlanNode => ({ 'Node Type': type, 'Total Cost': 8, Plans });
  const bitmap = (below: PlanNode): PlanNode => ({
    ...combined('Bitmap Heap Scan', below),
    Schema: 'public',
    'Relation Name': 'interactions',
  });

  test.each<[string, Partial<Query>, boolean]>([
    ['an index scan by a condition', {}, true],
    [
      'a condition in a join',
      { sql: 'SELECT * FROM items i JOIN interactions n ON n.id = i.id WHERE i.id = $1' },
      true,
    ],
    ['an index read from end to end', { sql: 'SELECT * FROM interactions ORDER BY id', parameters: [] }, false],
    ['a sequential scan', { sql: 'SELECT * FROM interactions WHERE weight > $1', parameters: [0.5] }, false],
    [
      'two indexes combined, each by a condition',
      { sql: 'SELECT * FROM interactions WHERE id = $1 OR id BETWEEN $2 AND $3', parameters: [1, 500, 600] },
      true,
    ],
    [
      'one good read and one bad one',
      { sql: 'SELECT * FROM interactions WHERE id = $1 UNION ALL SELECT * FROM interactions WHERE weight > 0.5' },
      false,
    ],
    ['a bad read in a subquery', { sql: 'SELECT $1::int, (SELECT max(weight) FROM interactions)' }, false],
    ['another table', { sql: 'SELECT * FROM items WHERE id = $1' }, false],
    [
      'a cost under the limit, whatever the plan',
      { sql: 'SELECT * FROM interactions', parameters: [], maxCost: 1e6 },
      true,
    ],
    ['a cost over the limit', { maxCost: 1 }, false],
  ])('%s', async (_name, query, passed) => {
    const finding = await plan(query);
    expect(finding).toMatchObject({ passed });
    if (!passed) expect(finding.unblock).toContain('query lookup');
  });

  test.each<[string, PlanNode, boolean]>([
    ['a bitmap of one index', bitmap(condition), true],
    ['a bitmap of a whole index', bitmap(whole), false],
    [
      'bitmaps that all have to hold, one of them by a condition',
      bitmap(combined('BitmapAnd', condition, whole)),
      true,
    ],
    ['bitmaps of which one has to hold, one of them whole', bitmap(combined('BitmapOr', condition, whole)), false],
    ['bitmaps of which one has to hold', bitmap(combined('BitmapOr', condition, condition)), true],
  ])('%s, whose scan alone names the table', (_name, node, byCondition) => {
    expect(readsOf({ 'Node Type': 'Sort', 'Total Cost': 9, Plans: [node] })).toEqual([
      expect.objectContaining({ schema: 'public', table: 'interactions', how: 'Bitmap Heap Scan', byCondition }),
    ]);
  });

  test('a partition’s plan counts, and a small partition may be read from end to end', async () => {
    await admin.query(`
      CREATE TABLE log (id int, at date) PARTITION BY RANGE (at);
      CREATE TABLE log_old PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
      CREATE TABLE log_new PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      INSERT INTO log SELECT g, '2025-06-06' FROM generate_series(1, 5000) g;
      INSERT INTO log VALUES (1, '2026-06-06'); ANALYZE log`);
    const byId = { table: 'log', sql: 'SELECT * FROM log WHERE id = $1', parameters: [7] };
    expect(await plan(byId)).toMatchObject({
      passed: false,
      summary: expect.stringContaining('reads public.log_old from end to end'),
    });
    await admin.query('CREATE INDEX ON log (id)');
    const finding = await plan(byId);
    expect(finding).toMatchObject({ passed: true });
    expect(finding.evidence).toContainEqual(
      expect.objectContaining({ measured: expect.stringMatching(/^5001 rows in 2 partitions, analyzed at/) }),
    );
    expect(await plan({ ...byId, minRows: 6_000 })).toMatchObject({ passed: false });
  });
});

describe('statistics', () => {
  const young = { table: 'young', sql: 'SELECT * FROM young WHERE id = $1', parameters: [1] };

  test('are needed, fresh, and of enough rows; each failure says which ANALYZE to run', async () => {
    await admin.query('CREATE TABLE young (id int PRIMARY KEY, x int)');
    expect(await plan(young)).toMatchObject({
      passed: false,
      summary: expect.stringContaining('has 0 rows, fewer than 1000'),
      unblock: expect.stringContaining('lower minRows of query lookup'),
    });

    await admin.query('INSERT INTO young SELECT g, g FROM generate_series(1, 2000) g');
    expect(await plan(young)).toMatchObject({
      passed: false,
      summary: expect.stringContaining('public.young was never analyzed'),
      unblock: 'ANALYZE public.young;',
    });

    // An index build tells the planner the number of rows and nothing of what is in them.
    await admin.query('CREATE INDEX ON young (x)');
    expect(await plan(young)).toMatchObject({ passed: false, unblock: 'ANALYZE public.young;' });

    await admin.query('ANALYZE young');
    expect(await plan(young)).toMatchObject({ passed: true });
    expect(await plan({ ...young, minRows: 2_001 })).toMatchObject({ passed: false });

    // Only the changes count from here: there is no waiting until the ANALYZE is long ago.
    await admin.query('SELECT pg_stat_force_next_flush()');
    await admin.query("SELECT pg_stat_reset_single_table_counters('young'::regclass)");
    await change(500);
    expect(await plan(young)).toMatchObject({ passed: true });
    await change(1);
    expect(await plan(young)).toMatchObject({
      passed: false,
      summary: expect.stringContaining('too much of public.young changed since it was analyzed'),
      unblock: 'ANALYZE public.young;',
    });
  });

  test('count as there when only the record of the ANALYZE was lost, as in a crash', async () => {
    await admin.query('CREATE TABLE old AS SELECT g AS id FROM generate_series(1, 2000) g');
    await admin.query(
      "CREATE INDEX ON old (id); ANALYZE old; SELECT pg_stat_reset_single_table_counters('old'::regclass)",
    );
    const finding = await plan({ ...young, table: 'old', sql: 'SELECT * FROM old WHERE id = $1' });
    expect(finding).toMatchObject({ passed: true });
    expect(JSON.stringify(finding.evidence)).toContain('no ANALYZE on record');
  });

  async function change(rows: number): Promise<void> {
    await admin.query('UPDATE young SET x = x + 1 WHERE id <= $1', [rows]);
    await admin.query('SELECT pg_stat_force_next_flush()');
  }
});

describe('a query that cannot be planned', () => {
  beforeAll(async () => {
    await admin.query(`
      CREATE TABLE private (id int); REVOKE ALL ON private FROM checker;
      CREATE TABLE written (at timestamptz);
      CREATE FUNCTION write() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO written VALUES (now()); RETURN 1; END';
      CREATE FUNCTION pure() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN write(); END'`);
  });

  test.each<[string, Partial<Query>, RegExp, RegExp]>([
    [
      'no SQL',
      { sql: 'SELEKT 1' },
      /syntax error at or near "SELEKT" \(42601\), at character 1 of/,
      /exactly one SELECT/,
    ],
    ['nothing at all', { sql: '-- later' }, /syntax error at end of input/, /exactly one SELECT/],
    ['a second statement', { sql: 'SELECT 1; DROP TABLE items' }, /multiple commands/, /exactly one SELECT/],
    [
      'a statement of another kind',
      { sql: 'DROP TABLE items' },
      /syntax error at or near "DROP"/,
      /exactly one SELECT/,
    ],
    ['an EXPLAIN that would run it', { sql: 'ANALYZE SELECT 1' }, /syntax error at or near "ANALYZE"/, /one SELECT/],
    ['a change', { sql: 'DELETE FROM items WHERE id = $1' }, /it is no query/, /a SELECT that only reads/],
    ['a table made of a query', { sql: 'SELECT * INTO copy FROM items', parameters: [] }, /it is no query/, /SELECT/],
    [
      'a change within a query',
      { sql: 'WITH gone AS (DELETE FROM interactions WHERE id = $1 RETURNING *) SELECT * FROM gone' },
      /it is no query: it changes rows/,
      /a SELECT that only reads/,
    ],
    ['a change that returns rows', { sql: 'DELETE FROM items WHERE id = $1 RETURNING *' }, /it changes rows/, /SELECT/],
    ['planning that writes', { sql: 'SELECT id FROM interactions WHERE id = $1 + pure()' }, /would write/, /take out/],
    ['too few parameters', { parameters: [] }, /parameters it takes: 1, and the runbook gives 0/, /\$1, \$2/],
    ['too many parameters', { parameters: [1, 2] }, /parameters it takes: 1, and the runbook gives 2/, /\$1, \$2/],
    ['a parameter that is missing', { sql: 'SELECT $2::int' }, /type of parameter \$1/, /correct sql or parameters/],
    ['a parameter of the wrong type', { parameters: ['s3cret'] }, /invalid input syntax .*"\.\.\."/, /parameters/],
    ['a value out of range', { parameters: ['99999999999999999999'] }, /out of range|"\.\.\."/, /parameters/],
    [
      'an unknown table in it',
      { sql: 'SELECT * FROM shop.things' },
      /relation "shop.things" does not exist/,
      /create it/,
    ],
    ['an unknown column', { sql: 'SELECT * FROM items WHERE itm = $1' }, /column "itm" does not exist/, /correct sql/],
    [
      'a table it may not read',
      { sql: 'SELECT * FROM private WHERE id = $1' },
      /permission denied/,
      /^GRANT SELECT ON "private" TO "\w+";$/,
    ],
    ['an unknown named table', { table: 'interaction' }, /there is no table interaction/, /correct its name/],
    ['a view as named table', { table: 'pg_catalog.pg_stats' }, /is no table/, /name a table/],
    ['a literal that is no number', { sql: "SELECT id + 's3cret' FROM items" }, /invalid input syntax/, /correct sql/],
    [
      'a text without an end',
      { sql: "SELECT 's3cret, and a lot" },
      /unterminated quoted string at or near "\.\.\."/,
      /sql/,
    ],
  ])('is a finding that says what to do: %s', async (_name, query, summary, unblock) => {
    const finding = await plan(query);
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(summary),
      unblock: expect.stringMatching(unblock),
    });
    expect(finding.summary).toContain('query lookup on');
    expect(finding.evidence.length).toBeGreaterThan(0);
    expect(JSON.stringify(finding)).not.toMatch(/s3cret|99999999|DROP TABLE|DELETE FROM/);
    const { rows } = await admin.query(
      'SELECT (SELECT count(*) FROM items)::int AS items, (SELECT count(*) FROM written)::int AS written',
    );
    expect(rows).toEqual([{ items: 20_000, written: 0 }]);
  });

  test('does not keep the next one from being planned', async () => {
    const queries = [{ ...LOOKUP, name: 'broken', sql: 'SELEKT' }, LOOKUP];
    const finding = await createCheck({ ...config(), queries })(asChecker());
    expect(finding.summary).toMatch(/^query broken on interactions: [^;]*$/);
    expect(finding.evidence.map(({ what }) => what)).toContain('plan of query lookup on interactions');
  });

  test('for want of time is an error in words, not a finding', async () => {
    const holder = await postgres.connect();
    await holder.query('BEGIN; LOCK TABLE interactions');
    const stop = new AbortController();
    const context = contextFor(postgres.url({ user: 'checker' }), stop.signal);
    const running = plan({}, context);
    await until(async () => {
      const { rows } = await admin.query(
        "SELECT 1 FROM pg_stat_activity WHERE usename = 'checker' AND wait_event_type = 'Lock'",
      );
      return rows.length > 0;
    });
    await admin.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'checker'");
    await expect(running).rejects.toThrow(/^database main: query lookup: canceling statement due to user request/);
    await holder.query('ROLLBACK');
  });

  test('never tells its parameters in the plan either', async () => {
    const finding = await plan({ parameters: [4_711_815] });
    expect(finding).toMatchObject({ passed: true });
    expect(JSON.stringify(finding)).not.toContain('4711815');
  });
});
