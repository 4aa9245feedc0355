import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { parseTraffic } from '../../src/routers/command/parse-traffic.ts';
import { eventually, idleRun } from '../processes/support.ts';
import { registry } from '../support/registry.ts';

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
const server = createServer((request, response) => {
  seen.push(request.url ?? '');
  if (answer > 0) response.writeHead(answer, { location: '/elsewhere' }).end('ok');
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
  readonly health?: { readonly url: string };
}

const context = { target, env: process.env, log: { info() {}, warn() {}, error() {} } };

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
  await expect(failing.readTraffic(idleRun())).rejects.toThrow('traffic-status failed with exit code 2: no route');
});

test.each([
  ['nothing', '', 'traffic-status printed nothing, expected JSON such as {"traffic": {"2.4.0": 50, "2.5.0": 50}}'],
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
      measured: expect.stringMatching(/^HTTP status 200 in \d+ ms$/),
      required: '200 to 299',
    },
  ]);
  expect(seen).toEqual(['/recommendation/2.5.0%2Bb/healthz']);
});

test.each([
  ['an error', 503, 'found HTTP status 503'],
  ['a redirect', 302, 'found HTTP status 302'],
  ['silence', 0, 'found no answer within 2000 ms'],
])('%s is not healthy, can be tried again, and the URL is not told', async (_name, status, found) => {
  answer = status;
  const checking = workload().checkHealth('2.5.0', idleRun());
  await expect(checking).rejects.toMatchObject({
    type: 'GreenUnhealthy',
    nonRetryable: false,
    message: `2.5.0 did not pass its health check: ${found}, expected HTTP status 200 to 299 within 2000 ms`,
  });
});

test('a refused connection is not healthy, without its address', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await new Promise((resolve) => closed.close(resolve));
  const checking = workload({ health: { url: `http://127.0.0.1:${port}/healthz` } }).checkHealth('2.5.0', idleRun());
  await expect(checking).rejects.toThrow(/found no connection \(ECONNREFUSED\)(?!.*127)/);
});

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
