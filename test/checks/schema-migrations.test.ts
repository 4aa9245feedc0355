import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { findProgram } from '../../src/processes/index.ts';
import { describeWith } from '../support/installed.ts';
import { common, contextFor } from './support/context.ts';
import { CHECK, createCheck, createRemedy } from './support/create.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

/** A database as a file: `list` prints it, `migrate` applies all that is pending. */
let folder: string;
let database: string;
let ran: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-migrations-'));
  database = join(folder, 'migrations.json');
  ran = join(folder, 'ran');
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const MIGRATE = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const [file, ran, ...versions] = process.argv.slice(1);
  const all = JSON.parse(readFileSync(file, 'utf8')).map((each) => ({ ...each, applied: true }));
  writeFileSync(file, JSON.stringify(all));
  writeFileSync(ran, versions.join(' '));
`;

function config(keys: Readonly<Record<string, unknown>> = {}) {
  const migrate = [process.execPath, '-e', MIGRATE, database, ran, '{version}', '{blue}'];
  const { timeout: _, ...rest } = common;
  const remedy = { command: migrate, automatic: true };
  return CHECK.parse({ ...rest, kind: 'schema-migrations', command: ['cat', database], remedy, ...keys });
}

const check = (keys = {}, greenIsUp = false) => createCheck(config(keys))({ ...contextFor(), greenIsUp });
const list = (...migrations: readonly object[]) => writeFile(database, JSON.stringify(migrations));

const EXPAND = { name: '0042_add_rank', phase: 'expand', rollback: 'reversible' };
const FORWARD = { name: '0043_split_name', phase: 'expand', rollback: 'forward-only' };
const CONTRACT = { name: '0044_drop_email', phase: 'contract' };

test('an expand migration has to run before green: the remedy runs it while blue serves, and the check passes', async () => {
  await list(EXPAND, FORWARD);
  expect(await check()).toEqual({
    passed: false,
    summary: 'pending expand migration: 0042_add_rank, 0043_split_name',
    evidence: [
      {
        what: 'migration 0042_add_rank',
        measured: 'pending, phase expand, reversible',
        required: 'applied before green',
      },
      {
        what: 'migration 0043_split_name',
        measured: 'pending, phase expand, forward-only',
        required: 'applied before green',
      },
    ],
    unblock: 'run 0042_add_rank, 0043_split_name now, before 2.5.0 is deployed',
    forwardOnly: ['0043_split_name'],
  });
  expect(await createRemedy(config())?.(contextFor())).toMatchObject({ done: true });
  expect(await readFile(ran, 'utf8')).toBe('2.5.0 2.4.0');
  expect(await check()).toMatchObject({
    passed: true,
    summary:
      'migrations of 2.5.0: 2 applied, 0 pending; a rollback to 2.4.0 leaves 0043_split_name in place (forward-only)',
    forwardOnly: ['0043_split_name'],
  });
});

test('a pending contract migration fails while blue serves, and no remedy runs it', async () => {
  await list(EXPAND, CONTRACT);
  const finding = await check();
  expect(finding).toMatchObject({
    passed: false,
    summary: 'pending contract migration while 2.4.0 serves: 0044_drop_email; pending expand migration: 0042_add_rank',
    unblock: expect.stringContaining('take 0044_drop_email out of this release and run it after 2.4.0 is gone'),
    forwardOnly: ['0044_drop_email'],
  });
  expect(await createRemedy(config())?.(contextFor())).toEqual({
    done: false,
    summary:
      'it was not run, because 0044_drop_email is pending and is no expand migration: 2.4.0 serves and may not work after it',
  });
  await expect(readFile(ran)).rejects.toThrow('ENOENT');
});

test('migrations that run with green may be pending until green is deployed', async () => {
  await list(FORWARD);
  expect(await check({ run: 'with-green' })).toMatchObject({ passed: true, forwardOnly: ['0043_split_name'] });
  expect(await check({ run: 'with-green' }, true)).toMatchObject({
    passed: false,
    summary: '2.5.0 is deployed, but its migration is still pending: 0043_split_name',
  });
  await list(CONTRACT);
  expect(await check({ run: 'with-green' })).toMatchObject({ passed: false });
});

test('what the command does not print is as the runbook says; nothing is guessed to be safe', async () => {
  await list({ name: '0042_add_rank' });
  expect(await check()).toMatchObject({
    passed: false,
    summary: 'pending migration that is neither expand nor contract: 0042_add_rank',
    forwardOnly: ['0042_add_rank'],
  });
  expect(await createRemedy(config())?.(contextFor())).toMatchObject({ done: false });
  const finding = await check({ phase: 'expand', rollback: 'reversible', run: 'with-green' });
  expect(finding).toMatchObject({ passed: true, summary: 'migrations of 2.5.0: 0 applied, 1 pending, all reversible' });
  expect(finding).not.toHaveProperty('forwardOnly');
});

test('a release without migrations passes and says no more than that', async () => {
  await list();
  expect(await check()).toEqual({
    passed: true,
    summary: 'no migration of 2.5.0 is listed',
    evidence: [{ what: 'migrations', measured: 'none listed' }],
  });
});

test.each([
  ['nothing', '', /printed nothing, expected a JSON list such as \[/],
  ['no JSON', 'No pending migrations', /printed "No pending migrations", expected a JSON list/],
  ['a misspelt key', '[{"name":"a","fase":"expand"}]', /\(at 0: .*fase/],
  ['another phase', '[{"name":"a","phase":"cleanup"}]', /\(at 0\.phase: /],
  ['a name that rewrites a terminal', JSON.stringify([{ name: '\u001b[2J' }]), /\(at 0\.name: expected 1 to 200/],
])('a command that prints %s measured nothing', async (_name, text, message) => {
  await writeFile(database, text);
  await expect(check()).rejects.toThrow(message);
});

test('a command that fails measured nothing, with what it said', async () => {
  await expect(check()).rejects.toThrow(/the command of check item ended with exit code 1: .*No such file/);
  await expect(check({ command: ['no-such-program'] })).rejects.toThrow('was not found');
});

const tools = await Promise.all(['psql', 'jq'].map((program) => findProgram(program, process.env['PATH'])));

describeWith(tools.includes(undefined) ? undefined : tools, 'psql and jq')(
  'the recipe of docs/schema-migrations.md',
  () => {
    const before = { ...process.env };
    let postgres: TestPostgres;
    beforeAll(async () => {
      postgres = await startPostgres();
      const { port, username, password } = new URL(postgres.url());
      Object.assign(process.env, { PGHOST: '127.0.0.1', PGPORT: port, PGUSER: username, PGPASSWORD: password });
    });
    afterAll(async () => {
      for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD']) delete process.env[name];
      Object.assign(process.env, before);
      await postgres.stop();
    });

    test('lists the files that the database does not have yet, with their phase', async () => {
      const page = await readFile(new URL('../../docs/schema-migrations.md', import.meta.url), 'utf8');
      const [recipe] = [...page.matchAll(/```yaml\n([^`]*)```/g)].slice(-1).flatMap(([, text = '']) => parse(text));
      const releases = join(folder, 'releases');
      const env = [...recipe.env, 'PGPORT'];
      const command = recipe.command.map((word: string) => word.replace(/^releases/, releases));

      await expect(check({ command, env })).rejects.toThrow('relation "schema_migrations" does not exist');
      const session = await postgres.connect();
      await session.query('CREATE TABLE schema_migrations (name text PRIMARY KEY)');
      await expect(check({ command, env })).rejects.toThrow(/exit code .*No such file or directory/);

      const files = join(releases, '2.5.0', 'migrations');
      await mkdir(files, { recursive: true });
      expect(await check({ command, env })).toMatchObject({ passed: true, summary: 'no migration of 2.5.0 is listed' });
      for (const name of ['0042_expand_add_rank.sql', '0043_contract_drop_email.sql', '0044_notes.sql'])
        await writeFile(join(files, name), '');
      await session.query(`INSERT INTO schema_migrations VALUES ('0042_expand_add_rank.sql')`);
      expect(await check({ command, env })).toMatchObject({
        passed: false,
        summary:
          'pending contract migration while 2.4.0 serves: 0043_contract_drop_email.sql; pending migration that is neither expand nor contract: 0044_notes.sql',
      });
      await session.query('DELETE FROM schema_migrations');
      expect((await check({ command, env })).summary).toContain('pending expand migration: 0042_expand_add_rank.sql');
    });
  },
);
