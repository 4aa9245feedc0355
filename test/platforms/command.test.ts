import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { commandPlatform, parseTraffic } from '../../src/platforms/command/platform.ts';
import { createPlatform } from '../../src/platforms/create-platform.ts';
import { attendance, eventually } from './support.ts';

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

function platform(commands: Partial<Parameters<typeof commandPlatform>[0]> = {}) {
  return commandPlatform(
    {
      kind: 'command',
      deploy: node(print, '{service}', '{version}'),
      shiftTraffic: node(print, '{service}', '{percentage}'),
      rollback: node(print, '{service}', '{version}', '{blue}'),
      health: { url: health },
      timeouts: { deploy: 10_000, shift: 10_000, rollback: 10_000 },
      ...commands,
    },
    target,
    process.env,
  );
}

test('deploy, shift and rollback run their commands with the placeholders filled', async () => {
  const { deploy, shiftTraffic, rollBack } = platform();
  expect(await deploy(operation('deploy'), attendance())).toEqual([
    {
      what: 'deploy',
      measured: expect.stringMatching(/^exit code 0 in \d+ ms: done: recommendation 2\.5\.0\+b$/),
      required: 'exit code 0',
    },
  ]);
  expect((await shiftTraffic(operation('shift'), 50, attendance()))[0]?.measured).toMatch(/done: recommendation 50$/);
  expect((await rollBack(operation('rollback'), attendance()))[0]?.measured).toMatch(
    /done: recommendation 2\.5\.0\+b 2\.4\.0$/,
  );
});

test('a command that says no fails for good, with its step, exit code and the redacted end of its output', async () => {
  const script = `console.error('x'.repeat(2000) + ' cannot reach http://inner/api'); process.exit(3)`;
  const failure: Error = await platform({ shiftTraffic: node(script) })
    .shiftTraffic(operation('shift'), 50, attendance())
    .then(
      () => Promise.reject(new Error('it passed')),
      (error) => error,
    );
  expect(failure).toMatchObject({ type: 'CommandFailed', nonRetryable: true });
  expect(failure.message).toMatch(/^shift-traffic failed with exit code 3: x+ cannot reach \[url\]$/);
  expect(failure.message.length).toBeLessThan(600);
});

test('a placeholder that a command cannot have is named, without the command', async () => {
  const failing = platform({ deploy: ['deploy', '--to', '{percentage}'] }).deploy(operation('deploy'), attendance());
  await expect(failing).rejects.toMatchObject({
    nonRetryable: true,
    message: `the runbook's command for deploy cannot be used: found the placeholder {percentage}, expected one of {service}, {version}, {blue}`,
  });
});

test('the traffic is read back as the status command prints it', async () => {
  const status = node(`console.log(JSON.stringify({ traffic: { '2.4.0': 50, '2.5.0': 50 }, more: true }))`);
  expect(await platform({ status }).readTraffic(attendance())).toEqual({ '2.4.0': 50, '2.5.0': 50 });
  expect(await platform().readTraffic(attendance())).toBeUndefined();
});

test('a status command that fails is told from one that prints something else', async () => {
  const failing = platform({ status: node(`console.error('no route'); process.exit(2)`) });
  await expect(failing.readTraffic(attendance())).rejects.toThrow('traffic-status failed with exit code 2: no route');
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
  expect(await platform().checkHealth('2.5.0+b', attendance())).toEqual([
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
  const checking = platform().checkHealth('2.5.0', attendance());
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
  const checking = platform({ health: { url: `http://127.0.0.1:${port}/healthz` } }).checkHealth('2.5.0', attendance());
  await expect(checking).rejects.toThrow(/found no connection \(ECONNREFUSED\)(?!.*127)/);
});

test('a health check that is called off rejects with the reason', async () => {
  answer = 0;
  const controller = new AbortController();
  const checking = platform().checkHealth('2.5.0', { signal: controller.signal, heartbeat() {} });
  const settled = expect(checking).rejects.toThrow('aborted by ana');
  await eventually(() => (seen.length > 0 ? true : undefined));
  controller.abort(new Error('aborted by ana'));
  await settled;
});

test('the runbook chooses the adapter', () => {
  const config = {
    kind: 'command',
    deploy: ['d'],
    shiftTraffic: ['s'],
    rollback: ['r'],
    health: { url: health },
    timeouts: { deploy: 1, shift: 1, rollback: 1 },
  } as const;
  expect(
    Object.keys(
      createPlatform({ ...config, deploy: [...config.deploy], shiftTraffic: ['s'], rollback: ['r'] }, target),
    ),
  ).toEqual(['deploy', 'shiftTraffic', 'rollBack', 'readTraffic', 'checkHealth']);
});
