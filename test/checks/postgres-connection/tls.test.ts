import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { type CertificateAuthority, createAuthority } from '../support/certificates.ts';
import { until } from '../support/context.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { reach } from './reach.ts';

/** The server's certificate is for `localhost` and signed by `house`; 127.0.0.1 is the same server by a wrong name. */
const folder = mkdtempSync(join(tmpdir(), 'bluegreen-tls-'));
const nobody = join(folder, 'home-of-nobody');
let postgres: TestPostgres;
let plain: TestPostgres;
let admin: pg.Client;
let data: string;
let house: CertificateAuthority;
let others: CertificateAuthority;

beforeAll(async () => {
  house = createAuthority(folder, 'house');
  others = createAuthority(folder, 'others');
  await mkdir(nobody);
  postgres = await startPostgres();
  plain = await startPostgres();
  admin = await postgres.connect();
  for (const server of [admin, await plain.connect()])
    await server.query("CREATE ROLE checker LOGIN PASSWORD 'checker-secret'");
  await admin.query(`
    CREATE ROLE tls_only LOGIN PASSWORD 'tls_only-secret'; CREATE ROLE plain_only LOGIN PASSWORD 'plain_only-secret';
    CREATE ROLE guarded LOGIN PASSWORD 'guarded-secret'; CREATE ROLE badge LOGIN; CREATE ROLE badged LOGIN PASSWORD 'badged-secret'`);
  const { rows } = await admin.query<{ data: string }>("SELECT current_setting('data_directory') AS data");
  data = rows[0]?.data ?? '';
  copyFileSync(house.file, join(data, 'house.crt'));
  await writeFile(
    join(data, 'pg_hba.conf'),
    `hostssl all tls_only all scram-sha-256
     hostnossl all plain_only all scram-sha-256
     hostssl all badge all cert
     hostssl all badged all scram-sha-256 clientcert=verify-ca
     hostssl all guarded all scram-sha-256
     hostnossl all guarded all trust
     host all tls_only,plain_only,badge,badged all reject
     host all all all scram-sha-256`,
  );
  await serveWith(house.issue({ name: 'db.internal', names: 'DNS:localhost' }));
});
afterAll(async () => {
  await postgres.stop();
  await plain.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Puts the files where the server reads them and waits until it did. */
async function serveWith(files: { readonly cert: string; readonly key: string }): Promise<void> {
  const { uid, gid } = await stat(data);
  for (const [from, to] of [
    [files.cert, 'server.crt'],
    [files.key, 'server.key'],
  ] as const) {
    copyFileSync(from, join(data, to));
    await chown(join(data, to), uid, gid);
  }
  await admin.query('ALTER SYSTEM SET ssl = on');
  await admin.query("ALTER SYSTEM SET ssl_ca_file = 'house.crt'");
  const before = await loadedAt();
  await admin.query('SELECT pg_reload_conf()');
  await until(async () => (await loadedAt()) !== before);
}

async function loadedAt(): Promise<string | undefined> {
  const { rows } = await admin.query<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
  return rows[0]?.at;
}

type Where = 'localhost' | '127.0.0.1' | 'without TLS';
interface How {
  readonly user?: string;
  readonly mode?: string;
  readonly ca?: string;
  readonly caFile?: string;
  readonly more?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Connects as a check does: `encrypted`, `plain`, or why not. */
async function connect(where: Where, { user = 'checker', mode, ca, caFile, more = '', env }: How = {}) {
  const { host, port } =
    where === 'without TLS' ? { host: '127.0.0.1', port: plain.port } : { host: where, port: postgres.port };
  const parameters = [mode && `sslmode=${mode}`, ca && `sslrootcert=${ca}`, more].filter(Boolean).join('&');
  const url = `postgres://${user}:${user}-secret@${host}:${port}/postgres?${parameters}`;
  const { encrypted } = await reach({ url, caFile, env: { HOME: nobody, ...env } });
  return encrypted ? 'encrypted' : 'plain';
}

const UNKNOWN_CA =
  /is not signed by a CA that sslmode=\S+ trusts here .* name it in databases\.main\.caFile, or write sslmode=require/;
const WRONG_NAME =
  /is for DNS:localhost, not for 127\.0\.0\.1; connect to a host of that name, or write sslmode=verify-ca/;
const NO_TLS = /offers no TLS, and sslmode=\S+ requires it; set ssl = on in the server, or write sslmode=disable/;
const NEEDS_CA = /sslmode=\S+ needs the server's CA: name its file in caFile under databases/;

/** What libpq does in each of these, by its documentation and by psql 15. */
const TABLE: readonly [
  mode: string | undefined,
  ca: 'house' | 'others' | undefined,
  ...ends: readonly (string | RegExp)[],
][] = [
  //                          localhost    127.0.0.1    a server without TLS
  ['disable', undefined, 'plain', 'plain', 'plain'],
  ['disable', 'others', 'plain', 'plain', 'plain'],
  ['allow', undefined, 'plain', 'plain', 'plain'],
  [undefined, undefined, 'encrypted', 'encrypted', 'plain'],
  ['prefer', undefined, 'encrypted', 'encrypted', 'plain'],
  ['prefer', 'house', 'encrypted', 'encrypted', 'plain'],
  ['prefer', 'others', 'plain', 'plain', 'plain'],
  ['require', undefined, 'encrypted', 'encrypted', NO_TLS],
  ['require', 'house', 'encrypted', 'encrypted', NO_TLS],
  ['require', 'others', UNKNOWN_CA, UNKNOWN_CA, NO_TLS],
  ['no-verify', 'others', 'encrypted', 'encrypted', NO_TLS],
  ['verify-ca', undefined, NEEDS_CA, NEEDS_CA, NEEDS_CA],
  ['verify-ca', 'house', 'encrypted', 'encrypted', NO_TLS],
  ['verify-ca', 'others', UNKNOWN_CA, UNKNOWN_CA, NO_TLS],
  ['verify-full', undefined, NEEDS_CA, NEEDS_CA, NEEDS_CA],
  ['verify-full', 'house', 'encrypted', WRONG_NAME, NO_TLS],
  ['verify-full', 'others', UNKNOWN_CA, UNKNOWN_CA, NO_TLS],
];

describe.each(TABLE)('sslmode=%s with the CA of %s', (mode, name, ...ends) => {
  test.each([
    ['localhost', 0],
    ['127.0.0.1', 1],
    ['without TLS', 2],
  ] as const)('%s', async (where, index) => {
    const ca = name && { house, others }[name].file;
    await ending(connect(where, { ...(mode && { mode }), ...(ca && { ca }) }), ends[index] ?? '');
  });
});

async function ending(end: Promise<string>, expected: string | RegExp): Promise<void> {
  if (typeof expected === 'string') expect(await end).toBe(expected);
  else await expect(end).rejects.toThrow(expected);
}

describe('the CA', () => {
  test('of the runbook is checked with the host’s name where no mode is written', async () => {
    expect(await connect('localhost', { caFile: house.file })).toBe('encrypted');
    await expect(connect('127.0.0.1', { caFile: house.file })).rejects.toThrow(WRONG_NAME);
    await expect(connect('localhost', { caFile: others.file, ca: house.file })).rejects.toThrow(UNKNOWN_CA);
    expect(await connect('127.0.0.1', { caFile: house.file, mode: 'require' })).toBe('encrypted');
  });

  test('may come from PGSSLROOTCERT, from ~/.postgresql/root.crt or from the system', async () => {
    expect(await connect('localhost', { env: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: house.file } })).toBe(
      'encrypted',
    );
    const home = join(folder, 'home-with-root');
    await mkdir(join(home, '.postgresql'), { recursive: true });
    copyFileSync(others.file, join(home, '.postgresql', 'root.crt'));
    await expect(connect('localhost', { mode: 'require', env: { HOME: home } })).rejects.toThrow(UNKNOWN_CA);
    expect(await connect('localhost', { ca: 'system', env: { SSL_CERT_FILE: house.file } })).toBe('encrypted');
    await expect(connect('localhost', { ca: 'system' })).rejects.toThrow(UNKNOWN_CA);
    await expect(connect('localhost', { ca: 'system', mode: 'require' })).rejects.toThrow('needs sslmode=verify-full');
  });

  test('in a file that is missing or holds something else is named', async () => {
    await expect(connect('localhost', { ca: '/no/ca.pem', mode: 'require' })).rejects.toThrow(
      '/no/ca.pem cannot be read',
    );
    writeFileSync(join(folder, 'notes.txt'), 'hello');
    await expect(connect('localhost', { caFile: join(folder, 'notes.txt') })).rejects.toThrow('notes.txt holds no CA');
  });
});

describe('the server decides by pg_hba.conf', () => {
  test('and lets a user in only with TLS', async () => {
    await expect(connect('localhost', { user: 'tls_only', mode: 'disable' })).rejects.toThrow(
      'the user is refused without TLS (sslmode=disable); write sslmode=require',
    );
    expect(await connect('localhost', { user: 'tls_only', mode: 'allow' })).toBe('encrypted');
    expect(await connect('localhost', { user: 'tls_only' })).toBe('encrypted');
  });

  test('and lets a user in only without', async () => {
    expect(await connect('localhost', { user: 'plain_only' })).toBe('plain');
    await expect(connect('localhost', { user: 'plain_only', mode: 'require' })).rejects.toThrow(
      'the user is refused; ',
    );
  });

  test('and does not get a refused password once more without TLS', async () => {
    const url = `postgres://guarded:wr0ng-one@localhost:${postgres.port}/postgres`;
    await expect(reach({ url, env: { HOME: nobody } })).rejects.toThrow('the password or user is refused');
  });
});

describe('a client certificate', () => {
  const given = (files: { readonly cert: string; readonly key: string }, more = '') =>
    `sslcert=${files.cert}&sslkey=${files.key}${more}`;

  test('lets its user in, from the URL, from variables and from ~/.postgresql', async () => {
    const badge = house.issue({ name: 'badge' });
    expect(await connect('localhost', { user: 'badge', mode: 'require', more: given(badge) })).toBe('encrypted');
    const env = { PGSSLCERT: badge.cert, PGSSLKEY: badge.key };
    expect(await connect('localhost', { user: 'badge', mode: 'require', env })).toBe('encrypted');
    const home = join(folder, 'home-with-badge');
    await mkdir(join(home, '.postgresql'), { recursive: true });
    copyFileSync(badge.cert, join(home, '.postgresql', 'postgresql.crt'));
    copyFileSync(badge.key, join(home, '.postgresql', 'postgresql.key'));
    expect(await connect('localhost', { user: 'badge', env: { HOME: home } })).toBe('encrypted');
  });

  test('may have a key with a passphrase, which no message shows', async () => {
    const badge = house.issue({ name: 'badge', passphrase: 'open-sesame' });
    const by = (passphrase: string) =>
      connect('localhost', { user: 'badge', mode: 'require', more: given(badge, `&sslpassword=${passphrase}`) });
    expect(await by('open-sesame')).toBe('encrypted');
    await expect(by('wr0ng-one')).rejects.toThrow(/the client certificate and its key \S+ cannot be used/);
    await expect(by('wr0ng-one')).rejects.not.toThrow('wr0ng-one');
  });

  test.each(['badge', 'badged'])('is asked for where it is missing: %s', async (user) => {
    await expect(connect('localhost', { user, mode: 'require' })).rejects.toThrow(
      'lets this user in only with a client certificate for it; give sslcert and sslkey',
    );
  });

  test('of another CA, for another user or with another key is refused', async () => {
    const by = (files: { readonly cert: string; readonly key: string }) =>
      connect('localhost', { user: 'badge', mode: 'require', more: given(files) });
    await expect(by(others.issue({ name: 'badge' }))).rejects.toThrow('refuses the client certificate, or misses one');
    await expect(by(house.issue({ name: 'somebody' }))).rejects.toThrow('only with a client certificate for it');
    const { cert } = house.issue({ name: 'badge' });
    await expect(by({ cert, key: house.issue({ name: 'badge' }).key })).rejects.toThrow('the key of this certificate');
  });
});

test('sslnegotiation=direct and channel_binding=require are kept', async () => {
  const more = 'sslnegotiation=direct&channel_binding=require';
  expect(await connect('localhost', { mode: 'verify-full', ca: house.file, more })).toBe('encrypted');
  await expect(connect('localhost', { more })).rejects.toThrow('sslnegotiation=direct needs sslmode=require');
  await expect(connect('localhost', { mode: 'disable', more: 'channel_binding=require' })).rejects.toThrow(
    'channel_binding=require, but the server logs in without it',
  );
});

test('a certificate that has expired, and one for an IP address as its only name', async () => {
  await serveWith(house.issue({ name: 'localhost', days: -1 }));
  await expect(connect('localhost', { mode: 'verify-ca', ca: house.file })).rejects.toThrow(
    /has expired.*sslmode=require/,
  );
  expect(await connect('localhost', { mode: 'require' })).toBe('encrypted');
  await serveWith(house.issue({ name: '127.0.0.1' }));
  expect(await connect('127.0.0.1', { mode: 'verify-full', ca: house.file })).toBe('encrypted');
});
