import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as bodyOf } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openState } from '../../src/state/open.ts';
import type { StateStore } from '../../src/state/store.ts';
import { startPostgres, type TestPostgres } from '../checks/support/postgres.ts';
import { useServers } from '../support/http.ts';
import { describeWith } from '../support/installed.ts';
import { type Link, startLink } from '../support/link.ts';
import { BUCKET, findS3Server, startS3, type TestS3 } from '../support/s3.ts';

let folder: string;
const opened: StateStore[] = [];
const servers: { stop(): Promise<void> }[] = [];
const program = await findS3Server();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-state-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((state) => state.close()));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function open(env: Readonly<Record<string, string>>): Promise<StateStore> {
  const state = await openState(env);
  opened.push(state);
  return state;
}

let count = 0;
/** A name that no other test has. */
const fresh = (): string => {
  count += 1;
  return `reports/production/shop/run-${count}`;
};

/** What every store promises; `env` is what a worker has in its environment. */
function keepsWhatItPromises(env: () => Readonly<Record<string, string>>): void {
  test('a text is what was written last, whatever letters it has, and for every worker', async () => {
    const name = `${fresh()}/EU~prod_a.b-c.json`;
    const [mine, other] = [await open(env()), await open(env())];
    expect(await mine.read(name)).toBeUndefined();
    await mine.write(name, 'first');
    const last = `{"a":"ü 😀 \\u0000 <Key>&amp;"}\n${'long '.repeat(50_000)}`;
    await mine.write(name, last);
    expect(await other.read(name)).toBe(last);
    await other.write(name, '');
    expect(await mine.read(name)).toBe('');
  });

  test('of texts that are written at once, one is there as a whole', async () => {
    const name = `${fresh()}/report.md`;
    const state = await open(env());
    const texts = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(10_000));
    await Promise.all(texts.map((text) => state.write(name, text)));
    expect(texts).toContain(await state.read(name));
  });

  test('what workers append to a folder is all there, and nothing of the folder beside it', async () => {
    const name = `${fresh()}/series`;
    const [mine, other] = [await open(env()), await open(env())];
    expect(await mine.readAppended(name)).toEqual([]);
    await mine.append(name, '\na');
    await other.append(name, '\nb');
    await mine.append(name, '\nc');
    await mine.append(`${name}-of-another`, '\nd');
    await mine.append(`${name}/inner`.replace('/inner', '0'), '\ne');
    const lines = (await other.readAppended(name)).flatMap((text) => text.split('\n')).filter(Boolean);
    expect(lines.toSorted()).toEqual(['a', 'b', 'c']);
  });
}

/** What those promise that are reached over a network. */
function survivesOutages(link: () => Link, env: () => Readonly<Record<string, string>>, secret: () => string): void {
  test.each([
    ['refuses connections', () => link().cut()],
    ['takes connections and says nothing', async () => link().hang()],
  ])('a server that %s is an error in words within seconds, and heals', async (_how, breakIt) => {
    const name = `${fresh()}/report.md`;
    const state = await open(env());
    await state.write(name, 'before');
    await breakIt();
    const begun = Date.now();
    const failed = await Promise.allSettled([
      state.read(name),
      state.write(name, 'during'),
      (await open(env())).read(name),
    ]);
    await link().heal();
    expect(Date.now() - begun).toBeLessThan(15_000);
    for (const one of failed) {
      expect(one).toMatchObject({ status: 'rejected', reason: { name: 'StateUnavailable' } });
      const message = one.status === 'rejected' ? String(one.reason.message) : '';
      expect(message).toMatch(/127\.0\.0\.1|BLUEGREEN_STATE_URL|the bucket/);
      expect(message).not.toContain(secret());
    }
    await state.write(name, 'after');
    expect(await state.read(name)).toBe('after');
  });
}

describe('a folder', () => keepsWhatItPromises(() => ({ BLUEGREEN_STATE: folder })));

describe('PostgreSQL', () => {
  let postgres: TestPostgres;
  let link: Link;
  const env = (url = postgres.url({ port: link.port })) => ({ BLUEGREEN_STATE_URL: url });

  beforeAll(async () => {
    postgres = await startPostgres();
    servers.push(postgres);
    link = await startLink(postgres.port);
    servers.push({ stop: () => link.cut() });
  });

  keepsWhatItPromises(() => env());
  survivesOutages(
    () => link,
    () => env(),
    () => 'postgres-secret',
  );

  test('workers that are the first at once make the table together', async () => {
    const admin = await postgres.connect();
    await admin.query('CREATE DATABASE first');
    const states = await Promise.all(Array.from({ length: 8 }, () => open(env(postgres.url({ database: 'first' })))));
    expect(await states[0]?.read('runbooks/a.json')).toBeUndefined(); // reading makes nothing
    await Promise.all(states.map((state, index) => state.write(`runbooks/${index}.json`, 'x')));
    expect(await states[0]?.read('runbooks/7.json')).toBe('x');
  });

  test('a user who may not create the table gets the command for it', async () => {
    const admin = await postgres.connect();
    await admin.query(`CREATE DATABASE denied; `);
    await admin.query(`CREATE ROLE worker LOGIN PASSWORD 'worker-secret'`);
    const url = postgres.url({ user: 'worker', database: 'denied' });
    await expect((await open(env(url))).write('runbooks/a.json', 'x')).rejects.toThrow(
      /permission denied for schema public; this creates the table: CREATE TABLE IF NOT EXISTS bluegreen_state/,
    );
  });

  test('a connection that the server ended is replaced', async () => {
    const state = await open(env());
    await state.write('runbooks/ended.json', 'x');
    const admin = await postgres.connect();
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bluegreen-state'",
    );
    const asked = Array.from({ length: 5 }, () => state.read('runbooks/ended.json'));
    expect(await Promise.all(asked)).toEqual(['x', 'x', 'x', 'x', 'x']);
  });

  test('the URL may be in a file, and a new password in it counts with the next connection', async () => {
    const file = join(folder, 'url');
    await writeFile(file, `${postgres.url({ password: 'wrong-secret' })}\n`);
    const state = await open({ BLUEGREEN_STATE_URL_FILE: file });
    await expect(state.write('runbooks/b.json', 'x')).rejects.toThrow(
      'database of the state: the password or user is refused; correct BLUEGREEN_STATE_URL',
    );
    await writeFile(file, postgres.url());
    await state.write('runbooks/b.json', 'x');
    await rm(file);
    expect(await state.read('runbooks/b.json')).toBe('x'); // by the connection that is open
  });
});

describeWith(program, 'versitygw')('a bucket', () => {
  let s3: TestS3;
  let link: Link;
  const useServer = useServers();
  const env = () => s3.env(link.port);

  beforeAll(async () => {
    s3 = await startS3(program ?? '');
    servers.push(s3);
    link = await startLink(s3.port);
    servers.push({ stop: () => link.cut() });
  });

  keepsWhatItPromises(() => env());
  survivesOutages(
    () => link,
    () => env(),
    () => s3.env()['AWS_SECRET_ACCESS_KEY'] ?? '',
  );

  test('a folder of more texts than one page of the list has is read as a whole', async () => {
    const state = await open(env());
    const name = `${fresh()}/series`;
    for (let from = 0; from < 1_010; from += 10)
      await Promise.all(Array.from({ length: 10 }, (_, index) => state.append(name, String(from + index))));
    expect(new Set(await state.readAppended(name)).size).toBe(1_010);
  });

  test.each([
    [{ AWS_SECRET_ACCESS_KEY: 'another-secret' }, /refuses the credentials \(SignatureDoesNotMatch\); check AWS_ACC/],
    [{ AWS_SECRET_ACCESS_KEY: '' }, /there are no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET/],
  ])('credentials that do not do: %j', async (changed, message) => {
    await expect((await open({ ...env(), ...changed })).write('runbooks/a.json', 'x')).rejects.toThrow(message);
  });

  test('a bucket that is not ours, or is not there', async () => {
    const at = (bucket: string) => ({
      ...env(),
      BLUEGREEN_STATE_URL: env()['BLUEGREEN_STATE_URL']?.replace(BUCKET, bucket) ?? '',
    });
    await expect((await open(at('another-bucket'))).read('runbooks/a.json')).rejects.toThrow(
      /the bucket another-bucket (does not exist; create it|refuses these credentials \(AccessDenied\); they need s3:ListBucket)/,
    );
  });

  test('the keys may be in files', async () => {
    const { AWS_SECRET_ACCESS_KEY: secret = '', ...rest } = env();
    await writeFile(join(folder, 'secret'), `${secret}\n`);
    const state = await open({ ...rest, AWS_SECRET_ACCESS_KEY_FILE: join(folder, 'secret') });
    await state.write('runbooks/file.json', 'x');
    expect(await state.read('runbooks/file.json')).toBe('x');
  });

  /** Takes what is signed with temporary keys, which the real server does not give. */
  async function temporary() {
    const signed: string[] = [];
    const server = await useServer((request, response) => {
      const { authorization = '', 'x-amz-security-token': token } = request.headers;
      signed.push(`${/Credential=([^/]+)/.exec(authorization)?.[1]} ${String(token)}`);
      response.writeHead(/SignedHeaders=[^,]*x-amz-security-token/.test(authorization) ? 200 : 403).end('x');
    });
    return { signed, BLUEGREEN_STATE_URL: `s3://${BUCKET}?endpoint=${server.origin}` };
  }

  test('the role of a service account is assumed with its token', async () => {
    const { signed, BLUEGREEN_STATE_URL } = await temporary();
    let asked = new URLSearchParams();
    let denies = true;
    // As STS answers: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    const answer = (response: ServerResponse, body: string): void => {
      asked = new URLSearchParams(body);
      if (denies)
        response.writeHead(403).end('<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>');
      else
        response.end(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>session</SessionToken>
          <SecretAccessKey>secret</SecretAccessKey><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>
          <AccessKeyId>ASIAROLE</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`);
    };
    const sts = await useServer((request, response) => void bodyOf(request).then((body) => answer(response, body)));
    await writeFile(join(folder, 'token'), 'a-web-identity\n');
    const state = await open({
      BLUEGREEN_STATE_URL,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/worker',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ENDPOINT_URL_STS: sts.origin,
    });
    await expect(state.write('runbooks/role.json', 'x')).rejects.toThrow(
      "the role of AWS_ROLE_ARN cannot be assumed: STS answers AccessDenied; check the role's trust policy",
    );
    denies = false;
    await state.write('runbooks/role.json', 'x');
    expect(await state.read('runbooks/role.json')).toBe('x');
    expect(signed).toEqual(['ASIAROLE session', 'ASIAROLE session']);
    expect(Object.fromEntries(asked)).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: 'arn:aws:iam::123456789012:role/worker',
      WebIdentityToken: 'a-web-identity',
    });
    expect(sts.asked).toHaveLength(2);
  });

  test('the address of a container gives keys, which are asked for once while they are good', async () => {
    const { signed, BLUEGREEN_STATE_URL } = await temporary();
    let expiresInMs = 60_000;
    const server = await useServer((request, response) => {
      const Expiration = new Date(Date.now() + expiresInMs).toISOString();
      response.writeHead(request.headers.authorization === 'the-token' ? 200 : 401);
      response.end(JSON.stringify({ AccessKeyId: 'ASIAPOD', SecretAccessKey: 's', Token: 'session', Expiration }));
    });
    await writeFile(join(folder, 'token'), 'the-token');
    const state = await open({
      BLUEGREEN_STATE_URL,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.origin}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(folder, 'token'),
    });
    await state.write('runbooks/pod.json', 'x');
    expiresInMs = 3_600_000; // those of a minute are replaced
    await state.read('runbooks/pod.json');
    expect(server.asked).toHaveLength(2);
    await state.read('runbooks/pod.json');
    expect(server.asked).toHaveLength(2);
    expect(signed).toEqual(Array(3).fill('ASIAPOD session'));
  });
});

test.each([
  ['mysql://u:secret1@h/d', /BLUEGREEN_STATE_URL: expected postgresql:\/\/user:password@host\/database or s3:/],
  ['/var/lib/bluegreen', /for a folder, set BLUEGREEN_STATE instead/],
  ['s3://', /is no name of a bucket; expected s3:\/\/bucket\/prefix\?region/],
  ['s3://key:secret1@bucket/p', /holds a user or a password: put the keys into AWS_ACCESS_KEY_ID/],
  ['s3://bucket/p?regoin=eu', /the parameter "regoin" is unknown/],
  ['s3://bucket/p?endpoint=minio:9000', /the endpoint is no http or https URL/],
])('a URL that cannot be used is refused at the start: %s', async (url, message) => {
  const refusal = await openState({ BLUEGREEN_STATE_URL: url }).catch(String);
  expect(refusal).toMatch(message);
  expect(refusal).not.toMatch(/secret1/);
});
