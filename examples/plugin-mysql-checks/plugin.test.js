import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { registryWith } from 'bluegreen';
import { checkConformance } from 'bluegreen/testing';
import plugin from './index.js';
import { mariadbIsInstalled, startMariadb } from './mariadb.js';
import { neededSize } from './pool-size.js';

/** The checks against a real MariaDB. */

const registry = registryWith([plugin]);
const required = process.env.BLUEGREEN_ALL_TESTS === 'required';
const skip = !mariadbIsInstalled() && !required && 'MariaDB is not installed';

/** Fills in what the runbook would: base keys and defaults. */
const common = { id: 'item', title: 'Item', group: 'Group', critical: true, timeout: 300_000, database: 'main' };
const pools = { users: ['shop'], blue: { instances: 2, size: 10 }, green: { instances: 2, size: 10 } };
const remedy = { create: 'online', automatic: false, timeout: 60_000 };
const maxConnections = (keys = {}) => ({ ...common, kind: 'mysql-max-connections', ...pools, headroom: 5, ...keys });
const poolSize = (keys = {}) => ({
  ...common,
  kind: 'mysql-pool-size',
  ...pools,
  peakRequests: 100,
  hold: 20,
  measureFor: 3_000,
  margin: 2,
  ...keys,
});
const index = (keys = {}) => ({
  table: 'items',
  columns: ['shelf', 'created_at DESC'],
  unique: false,
  name: 'by_shelf',
  ...keys,
});
const indexes = (...wanted) => ({ ...common, kind: 'mysql-indexes', indexes: wanted, queries: [], remedy });
const query = (keys = {}) => ({
  name: 'newest',
  sql: 'SELECT * FROM items AS i WHERE i.shelf = ?',
  parameters: [7],
  table: 'items',
  minRows: 100,
  ...keys,
});
const queries = (...planned) => ({ ...common, kind: 'mysql-indexes', indexes: [], queries: planned });

const NO_METRICS = { read: async () => ({ cursor: { at: 0 }, intervals: [] }) };
function context({ url, signal = new AbortController().signal, metrics = NO_METRICS, greenIsUp = false }) {
  const heartbeats = [];
  return {
    databaseUrl: () => url,
    run: { signal, heartbeat: (detail) => heartbeats.push(detail) },
    env: {},
    greenIsUp,
    metrics,
    heartbeats,
  };
}

let db;
before(async () => {
  if (skip) return;
  db = await startMariadb('--max-connections=60');
  for (const statement of [
    'CREATE DATABASE shop',
    "CREATE USER checker IDENTIFIED BY 'checker-secret', shop IDENTIFIED BY 'shop-secret', blind IDENTIFIED BY 'blind-secret'",
    'GRANT PROCESS ON *.* TO checker',
    'GRANT SELECT ON mysql.user TO checker',
    'GRANT ALL ON shop.* TO checker, shop',
    'GRANT ALL ON shop.* TO blind',
    'CREATE TABLE shop.items (id INT PRIMARY KEY AUTO_INCREMENT, shelf INT, title VARCHAR(200), created_at DATETIME)',
    "INSERT INTO shop.items (shelf, title, created_at) SELECT seq % 100, concat('title ', seq % 50), now() FROM shop.seq_1_to_5000",
  ])
    await db.admin.query(statement);
  await db.admin.query('ANALYZE TABLE shop.items');
});
after(() => db?.stop());

const checker = () => db.url('checker', 'checker-secret');
const run = (config, given = {}) => registry.check(config)(context({ url: checker(), ...given }));
const fix = (config, given = {}) => registry.remedy(config)(given.context ?? context({ url: checker(), ...given }));

async function openSessions(count, user = 'shop') {
  const sessions = await Promise.all(Array.from({ length: count }, () => db.connect(user, `${user}-secret`)));
  return async () => {
    for (const session of sessions) await session.end();
    await until(async () => {
      const [rows] = await db.admin.query('SELECT count(*) AS n FROM information_schema.processlist WHERE user = ?', [
        user,
      ]);
      return Number(rows[0].n) === 0;
    });
  };
}

async function until(isTrue) {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('connections', { skip }, () => {
  test('both versions fit, and the sum is shown line by line', async () => {
    const close = await openSessions(3);
    const finding = await run(maxConnections());
    await close();
    assert.equal(finding.passed, true, finding.summary);
    assert.match(finding.summary, /^both versions fit: max_connections is 60, 46 are needed$/);
    const measured = Object.fromEntries(finding.evidence.map((line) => [line.what, line.measured]));
    assert.equal(measured["blue's pools"], '2 x 10 = 20');
    assert.equal(measured['open by the service beyond the pools'], '0 (3 open in all)');
    assert.equal(measured['open by others'], '1 (root 1)');
  });

  test('pools that do not fit fail, with the value to set', async () => {
    const finding = await run(maxConnections({ green: { instances: 4, size: 10 } }));
    assert.equal(finding.passed, false);
    assert.match(finding.summary, /^max_connections is 60, 66 are needed with both versions running$/);
    assert.match(finding.unblock, /SET GLOBAL max_connections = 66/);
  });

  test('sessions of logins that change are the service’s by a pattern', async () => {
    await db.admin.query("CREATE USER 'v-shop-a1' IDENTIFIED BY 'v-shop-a1-secret'");
    const close = await openSessions(4, 'v-shop-a1');
    const finding = await run(maxConnections({ users: ['v-shop-*'] }));
    const others = await run(maxConnections());
    await close();
    assert.match(finding.summary, /46 are needed/);
    assert.match(others.summary, /50 are needed/);
  });

  test('a limit of the user counts', async () => {
    await db.admin.query('ALTER USER shop WITH MAX_USER_CONNECTIONS 30');
    const finding = await run(maxConnections());
    await db.admin.query('ALTER USER shop WITH MAX_USER_CONNECTIONS 0');
    assert.equal(finding.summary, 'max_user_connections of shop@% is 30, 40 are needed with both versions running');
    assert.match(finding.unblock, /MAX_USER_CONNECTIONS 40/);
  });

  test('a user who sees only its own sessions is no basis for a count', async () => {
    const close = await openSessions(3);
    const finding = await run(maxConnections(), { url: db.url('blind', 'blind-secret') });
    await close();
    assert.equal(finding.passed, false);
    assert.equal(finding.unblock, "GRANT PROCESS ON *.* TO 'blind'@'%';");
  });

  test('a user that does not exist is named', async () => {
    const finding = await run(maxConnections({ users: ['shopp'] }));
    assert.match(finding.summary, /there is no user shopp/);
  });

  test('no free connection is a finding', async () => {
    const sessions = [];
    const open = () =>
      db.connect('shop', 'shop-secret').then(
        (session) => sessions.push(session),
        () => 0,
      );
    while ((await open()) > 0);
    const finding = await run(maxConnections());
    for (const session of sessions) await session.end();
    assert.equal(finding.passed, false);
    assert.match(finding.summary, /no connection is free now/);
    await until(async () => (await run(maxConnections())).passed);
  });

  test('a refused password is an error that does not show it', async () => {
    await assert.rejects(run(maxConnections(), { url: db.url('checker', 'wrong-secret') }), (error) => {
      assert.match(error.message, /the user or password is refused; correct the URL in the variable/);
      assert.doesNotMatch(error.message, /wrong-secret/);
      return true;
    });
  });

  test('a URL that is not MySQL’s is refused with the form to write', async () => {
    await assert.rejects(run(maxConnections(), { url: 'postgres://u:hidden-word@h/d' }), (error) => {
      assert.match(error.message, /write mysql:\/\/user:password@host:3306\/name/);
      assert.doesNotMatch(error.message, /hidden-word/);
      return true;
    });
  });
});

describe('indexes', { skip }, () => {
  test('a missing index is missing until the remedy builds it', async () => {
    const config = indexes(index());
    const missing = await run(config);
    assert.equal(missing.passed, false);
    assert.match(missing.unblock, /CREATE INDEX `by_shelf` ON `items` \(shelf, created_at DESC\)/);
    assert.deepEqual((await fix(config)).done, true);
    assert.equal((await run(config)).passed, true);
    assert.match((await fix(config)).summary, /exists already/);
    await db.admin.query('ALTER TABLE shop.items ALTER INDEX by_shelf IGNORED');
    const ignored = await run(config);
    assert.equal(ignored.unblock, 'ALTER TABLE `items` ALTER INDEX `by_shelf` NOT IGNORED;');
    await db.admin.query('ALTER TABLE shop.items ALTER INDEX by_shelf NOT IGNORED');
  });

  test('an index is compared by what it is', async () => {
    await db.admin.query('CREATE INDEX whatever ON shop.items (title(20), shelf)');
    assert.equal((await run(indexes(index({ columns: ['`title` (20)', 'shelf ASC'] })))).passed, true);
    for (const columns of [
      ['shelf', 'title(20)'],
      ['title', 'shelf'],
      ['title(20)', 'shelf DESC'],
    ])
      assert.equal((await run(indexes(index({ columns, name: 'other' })))).passed, false, String(columns));
    assert.equal((await run(indexes(index({ columns: ['title(20)', 'shelf'], unique: true })))).passed, false);
  });

  test('rows that contradict a unique index are named, and nothing stays', async () => {
    const fixed = await fix(indexes(index({ columns: ['shelf'], unique: true, name: 'one_per_shelf' })));
    assert.equal(fixed.done, false);
    assert.match(fixed.summary, /contradict the unique index/);
  });

  test('a partitioned table', async () => {
    await db.admin.query(
      'CREATE TABLE shop.parts (id INT, shelf INT) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE)',
    );
    const config = indexes(index({ table: 'shop.parts', columns: ['shelf'], name: 'by_part' }));
    assert.equal((await run(config)).passed, false);
    assert.equal((await fix(config)).done, true);
    assert.equal((await run(config)).passed, true);
  });

  test('a build that an open transaction holds up names it, blocks nobody, and ends when it may', async () => {
    const holder = await db.connect('shop', 'shop-secret');
    await holder.query('START TRANSACTION');
    await holder.query('UPDATE shop.items SET shelf = shelf WHERE id = 1');
    const given = context({ url: checker() });
    const fixing = fix(indexes(index({ columns: ['created_at'], name: 'by_age' })), { context: given });
    const said = () => JSON.stringify(given.heartbeats);
    await until(() => /waitsFor/.test(said()));
    assert.match(
      said(),
      new RegExp(
        `session ${holder.threadId} of shop, idle in a transaction for \\d+ s; to end it: KILL ${holder.threadId}`,
      ),
    );
    await holder.query('COMMIT');
    await holder.end();
    assert.match((await fixing).summary, /by_age built online/);
  });

  test('an abort ends the wait for a lock in the server, too', async () => {
    const holder = await db.connect('shop', 'shop-secret');
    await holder.query('START TRANSACTION');
    await holder.query('SELECT count(*) FROM shop.items');
    const controller = new AbortController();
    const given = context({ url: checker(), signal: controller.signal });
    const fixing = fix(indexes(index({ columns: ['title'], name: 'by_title' })), { context: given });
    fixing.catch(() => {});
    const building = async () => {
      const [rows] = await db.admin.query(
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE%'",
      );
      return rows.length > 0;
    };
    await until(building);
    controller.abort(new Error('stopped'));
    await assert.rejects(fixing, /stopped/);
    await until(async () => !(await building()));
    await holder.end();
  });

  test('a table that is not there is named', async () => {
    const finding = await run(indexes(index({ table: 'nothing' })));
    assert.match(finding.unblock, /create nothing, or correct its name/);
  });
});

describe('queries', { skip }, () => {
  before(() => db.admin.query('CREATE OR REPLACE INDEX for_queries ON shop.items (shelf)'));

  test('one that reads by an index passes, under an alias, too', async () => {
    const finding = await run(queries(query()));
    assert.equal(finding.passed, true, finding.summary);
    assert.match(finding.evidence[0].measured, /^ref by /);
    assert.equal((await run(queries(query({ sql: 'SELECT * FROM shop.items WHERE shelf = ?' })))).passed, true);
  });

  test('one that reads the table from end to end fails, unless its rows are allowed', async () => {
    const whole = { sql: "SELECT * FROM items WHERE title LIKE '%7'", parameters: [] };
    const finding = await run(queries(query(whole)));
    assert.match(finding.summary, /it reads items from end to end \(ALL, about \d+ rows\)/);
    assert.equal((await run(queries(query({ ...whole, maxRows: 1_000_000 })))).passed, true);
    assert.equal((await run(queries(query({ maxRows: 1 })))).passed, false);
  });

  test('a table with too few rows is no basis for a plan', async () => {
    assert.match((await run(queries(query({ minRows: 1_000_000 })))).summary, /at least 1000000 are needed/);
  });

  test('a query that the server refuses is named, without its text', async () => {
    const finding = await run(queries(query({ sql: 'SELECT hidden_word FROM items', parameters: [] })));
    assert.match(finding.unblock, /correct query newest in the runbook/);
  });
});

describe('pools', { skip }, () => {
  test('a hold of the runbook gives the size', async () => {
    assert.equal((await run(poolSize())).passed, true);
    const small = await run(poolSize({ hold: 200 }));
    assert.match(small.summary, /blue's pool of 10 is too small, 20 are needed/);
    assert.match(small.unblock, /set green's pool to 20 connections/);
  });

  test('the hold is measured: connections in use by requests a second', async () => {
    const busy = await Promise.all([1, 2].map(() => db.connect('shop', 'shop-secret')));
    await busy[0].query('START TRANSACTION');
    await busy[0].query('UPDATE shop.items SET shelf = shelf WHERE id = 2'); // idle in a transaction: in use
    const sleeping = busy[1].query('SELECT sleep(30)'); // in use
    sleeping.catch(() => {});
    const metrics = {
      read: async (since) => ({
        cursor: { at: 0 },
        intervals: since === null ? [] : [{ from: 0, to: 10_000, counts: { '2.4.0': { requests: 1_000 } } }],
      }),
    };
    const finding = await run(poolSize({ hold: undefined }), { metrics });
    for (const session of busy) session.destroy();
    const { measured } = finding.evidence.find(({ what }) => what === 'a request holds a connection for');
    assert.match(measured, /^20\.00 ms: 2\.00 connections in use on average of \d+ samples, 1000 requests in 10\.0 s$/);
  });

  test('without traffic it is not measured', async () => {
    const finding = await run(poolSize({ hold: undefined }));
    assert.equal(finding.passed, false);
    assert.match(finding.unblock, /give "hold" in the runbook/);
  });
});

test('Little’s law', () => {
  assert.equal(neededSize({ peakRequests: 100, margin: 2 }, { instances: 2, holdMs: 20 }), 2);
});

describe('conformance', { skip }, () => {
  const silent = createServer(() => {}); // accepts and says nothing
  before(async () => {
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  after(() => silent.close());
  const suites = {
    'max connections': [maxConnections(), maxConnections({ users: ['nobody'] })],
    indexes: [indexes(index({ columns: ['id'], unique: true })), indexes(index({ table: 'nothing' }))],
    'pool size': [poolSize(), poolSize({ hold: 2_000 })],
  };
  for (const [name, [passing, failing]] of Object.entries(suites)) {
    const suite = checkConformance({
      passing: registry.check(passing),
      failing: registry.check(failing),
      hanging: (given) =>
        registry.check(passing)({ ...given, databaseUrl: () => `mysql://u:p@127.0.0.1:${silent.address().port}/d` }),
      context: (signal) => context({ url: checker(), signal }),
      secrets: ['checker-secret', 'shop-secret'],
    });
    for (const each of suite) test(`${name}: ${each.name}`, each.run);
  }
});
