import { describe, expect, test } from '@jest/globals';
import { readParameters } from '../../../src/postgres/parameters.ts';
import { targetsOf } from '../../../src/postgres/targets.ts';

const read = (url: string, env: NodeJS.ProcessEnv = {}) => readParameters({ url, env });

describe('a URL is split as libpq splits it', () => {
  test.each<[string, object]>([
    ['postgresql://', {}],
    ['postgres://u:p@h:5433/d', { user: 'u', password: 'p', host: 'h', port: '5433', dbname: 'd' }],
    ['postgres://u@h', { user: 'u', host: 'h' }],
    ['postgres://u:@h/', { user: 'u', host: 'h' }],
    ['postgres:///d?host=/run/pg&port=5433', { dbname: 'd', host: '/run/pg', port: '5433' }],
    [
      'postgres://u@%2Fvar%2Frun%2Fpostgresql:5433/d',
      { user: 'u', host: '/var/run/postgresql', port: '5433', dbname: 'd' },
    ],
    ['postgres://[::1]:5433/d', { host: '::1', port: '5433', dbname: 'd' }],
    ['postgres://a:1,b:2/d', { host: 'a,b', port: '1,2', dbname: 'd' }],
    ['postgres://a,b,[::1]/d?port=7', { host: 'a,b,::1', port: '7', dbname: 'd' }],
    ['postgres://u:p%40%2Fq%25%20@h/d%41', { user: 'u', password: 'p@/q% ', host: 'h', dbname: 'dA' }],
    ['postgres://u:a:b?c#d[e]f,g&h=i+j@h/d', { user: 'u', password: 'a:b?c#d[e]f,g&h=i+j', host: 'h', dbname: 'd' }],
    ['postgres://h/d?ssl=true', { host: 'h', dbname: 'd', sslmode: 'require' }],
    [
      'postgres://h/d?options=-c%20geqo%3Doff&application_name=shop&keepalives=1',
      { host: 'h', dbname: 'd', options: '-c geqo=off' },
    ],
    [
      'postgres://h/d?sslmode=require&channel_binding=require',
      { host: 'h', dbname: 'd', sslmode: 'require', channel_binding: 'require' },
    ],
    ['postgres://h/d?user=u&password=p%26q\n', { host: 'h', dbname: 'd', user: 'u', password: 'p&q' }],
  ])('%s', (url, parameters) => {
    expect(read(url)).toEqual(parameters);
  });
});

describe('key-value pairs are read as libpq reads them', () => {
  test.each<[string, object]>([
    ['host=h port=5433 user=u', { host: 'h', port: '5433', user: 'u' }],
    [" host = h  password='it\\'s a \\\\' dbname='' ", { host: 'h', password: "it's a \\" }],
    ['password=a\\ b@c/d?e=f host=h', { password: 'a b@c/d?e=f', host: 'h' }],
  ])('%s', (pairs, parameters) => {
    expect(read(pairs)).toEqual(parameters);
  });
});

test('the variables of libpq count where the string says nothing', () => {
  const env = { PGHOST: 'env', PGPORT: '7', PGUSER: 'me', PGPASSWORD: 'pw', PGSSLMODE: 'require', PGAPPNAME: 'x' };
  expect(read('postgres://u@h', env)).toEqual({ host: 'h', port: '7', user: 'u', password: 'pw', sslmode: 'require' });
  expect(read('postgres://', env)).toEqual({ host: 'env', port: '7', user: 'me', password: 'pw', sslmode: 'require' });
});

test('the CA of the runbook counts before that of the URL, and is checked unless a mode is written', () => {
  const withCa = (url: string) => readParameters({ url, caFile: '/ca.pem', env: {} });
  expect(withCa('postgres://h?sslrootcert=/other')).toMatchObject({ sslrootcert: '/ca.pem', sslmode: 'verify-full' });
  expect(withCa('postgres://h?sslmode=require')).toMatchObject({ sslrootcert: '/ca.pem', sslmode: 'require' });
});

describe('what cannot be read is named, never with the password', () => {
  test.each<[string, string]>([
    ['postgres://u:hunter@2@h/d', 'holds "@": write it as %40'],
    ['postgres://u@acme:hunter2@h/d', 'holds "@": write it as %40'],
    ['postgres://u:hun/ter2@h/d', 'holds "/": write it as %2F'],
    ['postgres://u:12/hunter2@h/d', 'holds "/": write it as %2F'],
    ['postgres://u:hun@ter/2@h/d', 'holds "@" or "/"'],
    ['postgres://u:hunter2%@h/d', 'holds a "%" without two hexadecimal digits after it: write "%" itself as %25'],
    ['postgres://u:hunter2%zz@h/d', 'write "%" itself as %25'],
    ['postgres://u:hun ter2@h/d', 'holds a blank: write it as %20'],
    ['postgres://u:hunter2%00@h/d', '%00'],
    ['postgres://u:hunter2%ff@h/d', 'not UTF-8'],
    ['postgres://u:hun@ter2?hunter2@h/d', 'write them as %40, %2F and %3F'],
    ['postgres://u:hun@ter2?hunter2=1@h/d', 'not a parameter of libpq (not shown'],
    ['postgres://u@h:54x2/d', 'a port in the URL is no number (not shown)'],
    ['postgres://u@::1/d', 'an IPv6 address is written as [::1]:5432'],
    ['postgres://u@[::1/d', 'brackets in the wrong place'],
    ['postgres://h/d?options=endpoint=x', 'the parameter options of the URL holds a second "=": write it as %3D'],
    ['postgres://h/d?pgbouncer=true', 'pgbouncer is not a parameter of libpq: remove it'],
    ['postgres://h/d?service=main', 'the parameter service is not supported for checks: write host, port'],
    ['host=h password=hun ter2 dbname=d', 'expected name=value pairs'],
    ['host=h password=hun ter2=d', 'not a parameter of libpq (not shown'],
    ["host=h password='hunter2", 'expected name=value pairs'],
    ['jdbc:postgresql://h/d?password=hunter2', 'written for another driver'],
    ['postgresql+psycopg2://u:hunter2@h/d', 'written for another driver'],
    ['mysql://u:hunter2@h/d', 'holds no URL of PostgreSQL'],
    ['hunter2', 'holds no URL of PostgreSQL'],
  ])('%s', (url, words) => {
    expect(() => read(url)).toThrow(words);
    expect(() => read(url)).not.toThrow(/hun|ter2|postgres:\/\//);
  });

  test.each([
    [{ PGSERVICE: 'main' }, 'PGSERVICE: the parameter service is not supported'],
    [{ PGREQUIREAUTH: 'scram-sha-256' }, 'PGREQUIREAUTH: the parameter require_auth is not supported'],
  ])('%j', (env, words) => {
    expect(() => read('postgres://h', env)).toThrow(words);
  });
});

describe('the servers of a list', () => {
  const targets = (url: string) => targetsOf(read(url));

  test('have ports of their own, or share one', () => {
    expect(targets('postgres://a:1,b/d')).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 5432 },
    ]);
    expect(targets('host=a,b port=7')).toEqual([
      { host: 'a', port: 7 },
      { host: 'b', port: 7 },
    ]);
  });

  test('may have addresses beside their names', () => {
    expect(targets('host=a,b hostaddr=10.0.0.1,10.0.0.2')).toEqual([
      { host: 'a', address: '10.0.0.1', port: 5432 },
      { host: 'b', address: '10.0.0.2', port: 5432 },
    ]);
    expect(targets('hostaddr=10.0.0.1')).toEqual([{ host: '10.0.0.1', address: '10.0.0.1', port: 5432 }]);
  });

  test.each([
    ['host=a,b,c port=1,2', 'it has 2 ports for 3 hosts'],
    ['host=a,b hostaddr=10.0.0.1', 'it has 2 in host and 1 in hostaddr'],
    ['host=a port=70000', 'no number from 1 to 65535'],
  ])('%s is refused', (url, words) => {
    expect(() => targets(url)).toThrow(words);
  });
});
