import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { withSecondSession, withSession } from '../../../src/checks/postgres/session.ts';
import { until } from '../support/context.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startStandby, type TestStandby } from '../support/standby.ts';
import { reach } from './reach.ts';

let folder: string;
let primary: TestPostgres;
let standby: TestStandby;
let admin: pg.Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-sock-'));
  await chmod(folder, 0o777); // as root, PostgreSQL runs as another user
  primary = await startPostgres([`unix_socket_directories=${folder}`]);
  admin = await primary.connect();
  await admin.query("CREATE ROLE checker LOGIN PASSWORD 'p@ss/w0rd?#[1]%25'");
  await admin.query('CREATE DATABASE shop');
  standby = await startStandby(primary);
});
afterAll(async () => {
  await standby.stop();
  await primary.stop();
  await rm(folder, { recursive: true, force: true });
});

const LOGIN = 'postgres:postgres-secret';
const env = () => ({ HOME: folder });
const at = (url: string) => reach({ url, env: env() });

describe('a Unix socket', () => {
  test.each([
    ['as a parameter', () => `postgres://${LOGIN}@/shop?host=${folder}&port=${primary.port}`],
    ['in the place of the host', () => `postgres://${LOGIN}@${encodeURIComponent(folder)}:${primary.port}/shop`],
    [
      'in key-value pairs',
      () => `host=${folder} port=${primary.port} dbname=shop user=postgres password=postgres-secret`,
    ],
    ['whatever the sslmode', () => `postgres://${LOGIN}@/shop?host=${folder}&port=${primary.port}&sslmode=verify-full`],
  ])('%s', async (_name, url) => {
    expect(await at(url())).toEqual({ encrypted: false, port: null, user: 'postgres', database: 'shop' });
  });

  test('that is not there is named', async () => {
    await expect(at(`postgres://${LOGIN}@/shop?host=${folder}&port=1`)).rejects.toThrow(
      `database main: the socket ${folder}/.s.PGSQL.1 does not exist on this worker`,
    );
  });
});

describe('a login', () => {
  test('whose password is encoded in the URL', async () => {
    const password = encodeURIComponent('p@ss/w0rd?#[1]%25');
    expect(await at(`postgres://checker:${password}@127.0.0.1:${primary.port}/shop`)).toMatchObject({
      user: 'checker',
    });
  });

  test('from the variables of libpq alone', async () => {
    const variables = {
      PGHOST: '127.0.0.1',
      PGPORT: String(primary.port),
      PGUSER: 'checker',
      PGPASSWORD: 'p@ss/w0rd?#[1]%25',
      PGDATABASE: 'shop',
    };
    expect(await reach({ url: 'postgres://', env: { ...env(), ...variables } })).toEqual({
      encrypted: false,
      port: primary.port,
      user: 'checker',
      database: 'shop',
    });
  });

  test('from a password file, if nobody else may read it and a line fits', async () => {
    const url = `postgres://checker@127.0.0.1:${primary.port}/shop`;
    await expect(at(url)).rejects.toThrow(
      'the server asks for a password: put one into the URL, PGPASSWORD or the file',
    );
    const passfile = join(folder, 'pass');
    const by = () => reach({ url, env: { ...env(), PGPASSFILE: passfile } });
    await writeFile(passfile, '# of others\nelsewhere:*:*:*:no\n*:1:*:*:no\n', { mode: 0o600 });
    await expect(by()).rejects.toThrow('no line of');
    await writeFile(passfile, `127.0.0.1:${primary.port}:shop:checker:p@ss/w0rd?#[1]%25\n*:*:*:*:no\n`);
    expect(await by()).toMatchObject({ user: 'checker' });
    await chmod(passfile, 0o644);
    await expect(by()).rejects.toThrow('run chmod 0600 on it');
  });
});

describe('several hosts', () => {
  const list = (parameters = '', ports: readonly number[] = [1, standby.port, primary.port]) =>
    `postgres://${LOGIN}@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/postgres?${parameters}`;

  test.each([
    ['any', () => standby.port],
    ['read-write', () => primary.port],
    ['primary', () => primary.port],
    ['read-only', () => standby.port],
    ['standby', () => standby.port],
    ['prefer-standby', () => standby.port],
  ])('the first that answers, with target_session_attrs=%s', async (role, port) => {
    expect(await at(list(`target_session_attrs=${role}`))).toMatchObject({ port: port() });
  });

  test('prefer-standby takes the primary where there is no standby', async () => {
    expect(await at(list('target_session_attrs=prefer-standby', [1, primary.port]))).toMatchObject({
      port: primary.port,
    });
  });

  test('every server that will not do is named', async () => {
    await expect(at(list('target_session_attrs=primary', [1, standby.port]))).rejects.toThrow(
      `none of its servers will do: nothing listens on 127.0.0.1:1; start PostgreSQL, or correct the variable that the runbook names in databases.main.urlEnv; ` +
        `127.0.0.1:${standby.port} is a standby, and target_session_attrs=primary asks for another`,
    );
    await expect(at(list('target_session_attrs=leader'))).rejects.toThrow(
      'target_session_attrs is none of any, read-write',
    );
  });

  test('a refused password ends the search: the servers of a list share it', async () => {
    const url = list('', [primary.port, standby.port]).replace('postgres-secret', 'wr0ng-one');
    await expect(at(url)).rejects.toThrow(/^database main: the password or user is refused/);
  });

  test('every address of a name is tried for the role', async () => {
    const url = `postgres://${LOGIN}@localhost:${standby.port},localhost:${primary.port}/?target_session_attrs=read-write`;
    expect(await at(url)).toMatchObject({ port: primary.port });
  });

  test('a session is cancelled on the server that it is on', async () => {
    const stop = new AbortController();
    const signal = stop.signal;
    const url = list('target_session_attrs=primary', [standby.port, primary.port]);
    const session = { database: 'main', url, env: env(), access: 'read-only', statementTimeoutMs: 0, signal } as const;
    const sleeping = withSession(session, async (client) => {
      await client.query('SELECT pg_sleep(3600)');
      throw new Error('it was to be cancelled');
    });
    const sleepers = async () =>
      (await admin.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)' AND state = 'active'"))
        .rows;
    await until(async () => (await sleepers()).length === 1);
    stop.abort(new Error('stopped by the test'));
    await expect(sleeping).rejects.toThrow('stopped by the test');
    await until(async () => (await sleepers()).length === 0);
  });

  test('a second session looks at the server of the first', async () => {
    const { signal } = new AbortController();
    const url = list('load_balance_hosts=random', Array.from({ length: 8 }, () => [standby.port, primary.port]).flat());
    const session = { database: 'main', url, env: env(), access: 'read-only', statementTimeoutMs: 0, signal } as const;
    const portOf = async (client: pg.Client) => (await client.query('SELECT inet_server_port() AS port')).rows[0];
    for (let times = 0; times < 8; times += 1)
      await withSession(session, async (first) => {
        expect(await withSecondSession({ ...session, first }, portOf)).toEqual(await portOf(first));
        return { passed: true, summary: '', evidence: [] };
      });
  });
});
