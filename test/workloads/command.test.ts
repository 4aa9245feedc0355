import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { parseTraffic } from '../../src/routers/command/parse-traffic.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { eventually, idleRun } from '../processes/support.ts';
import { guide, guideWith } from '../runbook/support.ts';
import { format, registry } from '../support/registry.ts';

const target = {
  service: 'recommendation',
  environment: 'production',
  blue: '2.4.0',
  green: '2.5.0+b',
  deployment: 'test/run',
  digest: 'd',
};
const operation = (step: string, attempt = 1) => ({ id: `w/r-${Math.random()}/${step}`, attempt });

let seen: string[] = [];
let answer = 200;
/** The version that answers, whichever was asked for. */
let serving = '2.5.0+b';
const server = createServer((request, response) => {
  seen.push(request.url ?? '');
  if (answer > 0)
    response.writeHead(answer, { location: '/elsewhere', 'x-version': serving }).end(`{"version":"${serving}"}`);
});
let health = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  health = `http://127.0.0.1:${address.port}/{service}/{version}/healthz`;
});
afterEach(() => {
  seen = [];
  answer = 200;
  serving = '2.5.0+b';
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const node = (script: string, ...args: string[]) => [process.execPath, '-e', script, ...args];
const print = `console.log('done:', process.argv.slice(1).join(' '))`;

interface Commands {
  readonly deploy?: readonly string[];
  readonly stop?: readonly string[];
  readonly shiftTraffic?: readonly string[];
  readonly status?: readonly string[];
  readonly health?: Readonly<Record<string, unknown>>;
}

const context = { target, env: process.env, log: { info() {}, warn() {}, error() {} }, runbook: guide() };

function workload({
  deploy = node(print, '{service}', '{version}'),
  stop,
  health: asked = { url: health },
}: Commands = {}) {
  const config = { kind: 'command', timeout: 10_000, deploy, health: asked, ...(stop && { stop }) };
  return registry.workload(config, context);
}

function router({ shiftTraffic = node(print, '{service}', '{percentage}'), status }: Commands = {}) {
  const rollback = node(print, '{service}', '{version}', '{blue}');
  const config = { kind: 'command', timeout: 10_000, shiftTraffic, rollback, ...(status && { status }) };
  return registry.router(config, context);
}

test('deploy, shift and rollback run their commands with the placeholders filled', async () => {
  expect(await workload().deploy(operation('deploy'), idleRun())).toEqual([
    {
      what: 'deploy',
      measured: expect.stringMatching(/^exit code 0 in \d+ ms: done: recommendation 2\.5\.0\+b$/),
      required: 'exit code 0',
    },
  ]);
  expect((await router().setTraffic(operation('shift'), 50, idleRun()))[0]?.measured).toMatch(
    /done: recommendation 50$/,
  );
  expect((await router().setTraffic(operation('rollback'), 0, idleRun()))[0]?.measured).toMatch(
    /done: recommendation 2\.5\.0\+b 2\.4\.0$/,
  );
});

test('a command that says no fails for good, with its step, exit code and the redacted end of its output', async () => {
  const script = `console.error('x'.repeat(2000) + ' cannot reach http://inner/api'); process.exit(3)`;
  const failure: Error = await router({ shiftTraffic: node(script) })
    .setTraffic(operation('shift'), 50, idleRun())
    .then(
      () => Promise.reject(new Error('it passed')),
      (error) => error,
    );
  expect(failure).toMatchObject({ type: 'CommandFailed', nonRetryable: true });
  expect(failure.message).toMatch(/^shift-traffic failed with exit code 3: x+ cannot reach \[url\]$/);
  expect(failure.message.length).toBeLessThan(600);
});

test('a placeholder that a command cannot have is named, without the command', async () => {
  const failing = workload({ deploy: ['deploy', '--to', '{percentage}'] }).deploy(operation('deploy'), idleRun());
  await expect(failing).rejects.toMatchObject({
    nonRetryable: true,
    message: `the runbook's command for deploy cannot be used: found the placeholder {percentage}, expected one of {service}, {version}, {blue}`,
  });
});

test('the traffic is read back as the status command prints it', async () => {
  const status = node(`console.log(JSON.stringify({ traffic: { '2.4.0': 50, '2.5.0': 50 }, more: true }))`);
  expect(await router({ status }).readTraffic(idleRun())).toEqual({ '2.4.0': 50, '2.5.0': 50 });
  expect(await router().readTraffic(idleRun())).toBeUndefined();
});

test('a status command that fails is told from one that prints something else', async () => {
  const failing = router({ status: node(`console.error('no route'); process.exit(2)`) });
  await expect(failing.readTraffic(idleRun())).rejects.toThrow('router.status failed with exit code 2: no route');
});

test.each([
  ['nothing', '', 'router.status printed nothing, expected JSON such as {"traffic": {"2.4.0": 50, "2.5.0": 50}}'],
  ['no JSON', 'all good', 'printed "all good", expected'],
  ['another shape', '[1]', 'printed "[1]"'],
  ['a share over 100', '{"traffic":{"2.4.0":101}}', '(at traffic.2.4.0: '],
  ['a share below 0', '{"traffic":{"a":-1}}', '(at traffic.a: '],
  ['a share that is no number', '{"traffic":{"a":"50"}}', '(at traffic.a: '],
  ['a share without bounds', '{"traffic":{"a":1e999}}', '(at traffic.a: '],
  ['a URL', 'see http://inner/', 'printed "see [url]"'],
])('a status of %s is an error that says what was printed', (_name, stdout, message) => {
  expect(() => parseTraffic(stdout, {})).toThrow(message);
});

test('health is asked for the version, with the placeholders encoded', async () => {
  expect(await workload().checkHealth('2.5.0+b', idleRun())).toEqual([
    {
      what: 'health of 2.5.0+b',
      measured: expect.stringMatching(/^it answered 200 in \d+ ms$/),
      required: '200 to 299',
    },
  ]);
  expect(seen).toEqual(['/recommendation/2.5.0%2Bb/healthz']);
});

test.each([
  ['an error', 503, 'it answered 503, expected 200 to 299'],
  ['a redirect', 302, 'it answered 302, expected 200 to 299'],
  ['silence', 0, 'it did not answer: no complete answer within 2 s'],
])('%s is not healthy, can be tried again, and the URL is not told', async (_name, status, found) => {
  answer = status;
  const checking = workload().checkHealth('2.5.0', idleRun());
  await expect(checking).rejects.toMatchObject({
    type: 'GreenUnhealthy',
    nonRetryable: false,
    message: `2.5.0 did not pass its health check: ${found}`,
  });
});

test('a refused connection is not healthy, without its address', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await new Promise((resolve) => closed.close(resolve));
  const checking = workload({ health: { url: `http://127.0.0.1:${port}/healthz` } }).checkHealth('2.5.0', idleRun());
  await expect(checking).rejects.toThrow(/it did not answer: connection refused(?!.*127)/);
});

const TEXT = { contains: '{version}' };
const HEADER = { header: { name: 'X-Version', contains: '{version}' } };

test.each([
  ['its text', TEXT, 'it answered 200, but without "2.5.0+b"'],
  ['a header', HEADER, 'it answered 200, but without "2.5.0+b" in the header X-Version'],
])('an answer of blue at the address of green is not the health of green, by %s', async (_name, expected, found) => {
  const asked = workload({ health: { url: health, ...expected } });
  serving = '2.4.0';
  await expect(asked.checkHealth('2.5.0+b', idleRun())).rejects.toMatchObject({
    type: 'GreenUnhealthy',
    nonRetryable: false,
    message: `2.5.0+b did not pass its health check: ${found}; it may be blue's answer`,
  });
  expect(await asked.checkHealth('2.4.0', idleRun())).toEqual([
    {
      what: 'health of 2.4.0',
      measured: expect.stringMatching(/^it answered 200 with "2\.4\.0".* in \d+ ms$/),
      required: expect.stringMatching(/^200 to 299 with "2\.4\.0"/),
    },
  ]);
  serving = '2.5.0+b';
  expect(await asked.checkHealth('2.5.0+b', idleRun())).toHaveLength(1);
  await expect(asked.checkHealth('2.4.0', idleRun())).rejects.toThrow(/without "2\.4\.0".*; it may be green's answer$/);
});

test.each([
  ['2.5.0', '2.5.0-rc.1', false],
  ['2.5.0', '12.5.0', false],
  ['2.5.0', '1.2.5.0', false],
  ['2.5.0', '2.5.0.1', false],
  ['2.5.0', '2.5.0+b7', false],
  ['2.5.0', 'v2.5.0', true],
  ['2.5.0', 'shop-2.5.0.', true],
  ['2.5.0+b', '2.5.0+b', true],
])('the version %s is distinguished from an answer of %s', async (version, answering, passes) => {
  serving = answering;
  const asking = workload({ health: { url: health, ...TEXT } }).checkHealth(version, idleRun());
  if (passes) expect(await asking).toHaveLength(1);
  else await expect(asking).rejects.toThrow(`without "${version}" (it has "${answering}")`);
});

test('a status of the runbook takes the place of 200 to 299', async () => {
  const asked = workload({ health: { url: health, status: 204 } });
  await expect(asked.checkHealth('2.5.0', idleRun())).rejects.toThrow('it answered 200, expected 204');
  answer = 204;
  expect(await asked.checkHealth('2.5.0', idleRun())).toHaveLength(1);
});

test('one address for both versions is doubtful unless the answer has to show the version', () => {
  const doubts = (keys: string) =>
    format.warnings(parseRunbook(guideWith(healthOfGuide(keys)), { file: 'x.yaml', format }));
  expect(doubts('url: "http://shop/healthz"')).toEqual([expect.stringContaining('an answer of blue passes for green')]);
  expect(doubts('url: "http://shop/healthz", contains: ok')).toHaveLength(1);
  expect(doubts('url: "http://shop/healthz", contains: "v{version}"')).toEqual([]);
  expect(doubts('url: "http://shop/healthz", header: { name: X-Version, contains: "{version}" }')).toEqual([]);
  expect(doubts('url: "http://shop/{version}/healthz"')).toEqual([]);
});

const healthOfGuide = (keys: string) =>
  ['health: { url: "http://127.0.0.1:18080/-/versions/{version}/healthz" }', `health: { ${keys} }`] as const;

test('a health check that is called off rejects with the reason', async () => {
  answer = 0;
  const controller = new AbortController();
  const checking = workload().checkHealth('2.5.0', { signal: controller.signal, heartbeat() {} });
  const settled = expect(checking).rejects.toThrow('aborted by ana');
  await eventually(() => (seen.length > 0 ? true : undefined));
  controller.abort(new Error('aborted by ana'));
  await settled;
});

test('green is stopped by its own command, or by nobody where the runbook names none', async () => {
  const stop = node(print, '{service}', '{version}');
  expect((await workload({ stop }).stop(operation('stop'), idleRun()))[0]?.measured).toMatch(
    /done: recommendation 2\.5\.0\+b$/,
  );
  expect(await workload().stop(operation('stop'), idleRun())).toEqual([]);
});

test('a kind that no plugin of this worker has is an error that says what to do, and is tried again', () => {
  expect(() => registry.workload({ kind: 'helm', timeout: 1 }, context)).toThrow(
    expect.objectContaining({
      type: 'RunbookUnavailable',
      nonRetryable: false,
      message: expect.stringMatching(/^This worker has no workload of kind "helm".* Load the plugin that has it/),
    }),
  );
});
