import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findProgram } from '../../src/processes/index.ts';
import { ask, countSessions } from '../../src/routers/haproxy/runtime-api.ts';
import { sharesOf, weightsFor } from '../../src/routers/haproxy/weights.ts';
import { freePort, type Program, startProgram } from '../../src/sandbox/program.ts';
import { routerConformance } from '../../src/testing/index.ts';
import { guide } from '../runbook/support.ts';
import { describeWith } from '../support/installed.ts';
import { registry } from '../support/registry.ts';

/** Two real HAProxy processes that share the traffic: one with a Unix socket, one with its runtime API on a port. */

const [BLUE, GREEN] = ['2.4.0', '2.5.0'];
const run = { signal: new AbortController().signal, heartbeat() {} };
let operations = 0;
const operation = () => ({ id: `w/r/${(operations += 1)}`, attempt: 1 });
const haproxy = await findProgram('haproxy', `${process.env['PATH']}:/usr/sbin`);

const versions = new Map<string, string>();
let slowRequest = gate();
const applications = new Map<string, Server>();
const programs: Program[] = [];
let folder = '';
let sockets: readonly string[] = [];
let customers: readonly string[] = [];

/** What a slow request waits for. */
function gate() {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
const portOf = (slot: string) => (applications.get(slot)?.address() as AddressInfo | undefined)?.port ?? 0;
const urlOf = (slot: string) => `http://127.0.0.1:${portOf(slot)}/version`;

async function startHaproxy(name: string, level: string, balance: string) {
  const [port, api] = [await freePort(), await freePort()];
  const socket = join(folder, `${name}.sock`);
  const file = join(folder, `${name}.cfg`);
  const server = (slot: string) => `  server ${slot} 127.0.0.1:${portOf(slot)}`;
  await writeFile(
    file,
    `global
  stats socket ${socket} mode 660 level ${level}
  stats socket ipv4@127.0.0.1:${api} level ${level}
  server-state-file ${join(folder, 'state')}
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  load-server-state-from-file global
frontend shop
  bind 127.0.0.1:${port}
  default_backend shop
backend shop
  balance ${balance}
${[...applications.keys()].map(server).join('\n')}
`,
  );
  const program = await startProgram({
    program: haproxy ?? '',
    directory: folder,
    port,
    args: () => ['-db', '-f', file],
    readyPath: '/version',
  });
  programs.push(program);
  return { socket, api: `127.0.0.1:${api}`, url: program.url, program, file };
}

const router = (more: Readonly<Record<string, unknown>> = {}, { blue = BLUE, green = GREEN } = {}) =>
  registry.router(
    { kind: 'haproxy', timeout: 60_000, ...config(), ...more },
    {
      target: { deployment: 'w/r', service: 'shop', environment: 'production', blue, green, digest: 'd' },
      env: {},
      log: { info() {}, warn() {}, error() {} },
      runbook: guide(),
    },
  );
const config = () => ({
  sockets,
  backend: 'shop',
  versionPattern: '^\\s*(\\S+)\\s*$',
  drain: 5_000,
  slots: {
    a: { servers: ['a'], version: urlOf('a') },
    b: { servers: ['b'], version: urlOf('b') },
  },
});

/** Which version answers a hundred customers of each process. */
async function served(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const url of customers)
    for (let asked = 0; asked < 100; asked += 1) {
      const version = await (await fetch(url)).text();
      counts[version] = (counts[version] ?? 0) + 1;
    }
  return counts;
}

describeWith(haproxy, 'haproxy')('the router haproxy', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-haproxy-'));
    for (const slot of ['a', 'b'])
      applications.set(
        slot,
        await listen((request, response) => {
          const version = versions.get(slot);
          const answer = () => response.writeHead(version === undefined ? 503 : 200).end(version);
          if (request.url === '/slow') void slowRequest.promise.then(answer);
          else answer();
        }),
      );
    versions.set('a', BLUE).set('b', GREEN);
    const [first, second] = [
      await startHaproxy('first', 'admin', 'roundrobin'),
      await startHaproxy('second', 'admin', 'random'),
    ];
    sockets = [first.socket, second.api];
    customers = [`${first.url}/version`, `${second.url}/version`];
  });
  afterAll(async () => {
    for (const program of programs) await program.stop();
    for (const server of applications.values()) server.close().closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    versions.set('a', BLUE).set('b', GREEN);
    await router().setTraffic(operation(), 0, run);
  });

  test('sends the asked share to green in all processes, and reads it back', async () => {
    expect(await router().readTraffic(run)).toEqual({ [BLUE]: 100, [GREEN]: 0 });
    expect(await served()).toEqual({ [BLUE]: 200 });
    await router().setTraffic(operation(), 25, run);
    expect(await router().readTraffic(run)).toEqual({ [BLUE]: 75, [GREEN]: 25 });
    // One of them deals out in turn: exactly. The other one draws.
    const { [GREEN]: green = 0 } = await served();
    expect(green).toBeGreaterThanOrEqual(25 + 5);
    expect(green).toBeLessThanOrEqual(25 + 50);
    await router().setTraffic(operation(), 100, run);
    expect(await served()).toEqual({ [GREEN]: 200 });
  });

  test.each([
    ['waits until the last request on green has ended', 9_000, /^0 after/],
    ['waits no longer than it may', 300, /^1 after/],
  ])('drain %s', async (_name, drain, measured) => {
    slowRequest = gate();
    await router().setTraffic(operation(), 100, run);
    const request = fetch(new URL('/slow', customers[0])).then((response) => response.text());
    const [socket = ''] = sockets;
    while ((await countSessions(socket, 'shop', ['b'], run.signal)) === 0);
    await router().setTraffic(operation(), 0, run);
    const beats: unknown[] = [];
    const heartbeat = (beat: unknown) => {
      beats.push(beat);
      if (drain > 1_000) slowRequest.open();
    };
    const found = await router({ drain }).drain?.({ ...run, heartbeat });
    expect(found).toEqual([{ what: `requests under way on ${GREEN}`, measured: expect.stringMatching(measured) }]);
    expect(beats[0]).toMatchObject({ left: 1 });
    slowRequest.open();
    expect(await request).toBe(GREEN);
  });

  test('reads which slot is blue from the applications: the next release takes the other slot', async () => {
    await router().setTraffic(operation(), 100, run);
    versions.set('a', '2.6.0');
    const next = router({}, { blue: GREEN, green: '2.6.0' });
    expect(await next.readSlots?.(run)).toEqual({ '2.6.0': 'a', [GREEN]: 'b' });
    expect(await next.readTraffic(run)).toEqual({ [GREEN]: 100, '2.6.0': 0 });
    await next.setTraffic(operation(), 100, run);
    expect(await served()).toEqual({ '2.6.0': 200 });
  });

  test('goes back to blue although green does not answer, or blue does not', async () => {
    for (const silent of ['b', 'a']) {
      versions.set('a', BLUE).set('b', GREEN);
      await router().setTraffic(operation(), 50, run);
      versions.delete(silent);
      await router().setTraffic(operation(), 0, run);
      versions.set('a', BLUE).set('b', GREEN);
      expect(await router().readTraffic(run)).toEqual({ [BLUE]: 100, [GREEN]: 0 });
    }
  });

  test('refuses a shift if it is not clear which slot has green, and changes nothing', async () => {
    versions.set('b', '2.3.0');
    await expect(router().setTraffic(operation(), 50, run)).rejects.toMatchObject({
      type: 'CommandFailed',
      message: 'the slots are not clear: a has 2.4.0, b has 2.3.0; expected 2.4.0 in one and 2.5.0 in the other',
    });
    versions.set('b', BLUE);
    await expect(router().setTraffic(operation(), 50, run)).rejects.toThrow(
      /the slots are not clear: a has 2.4.0, b has 2.4.0/,
    );
    expect(await served()).toEqual({ [BLUE]: 200 });
  });

  test('goes back if the deploy command failed while both slots still had blue: the slot with all requests is blue', async () => {
    versions.set('b', BLUE);
    await router().setTraffic(operation(), 0, run);
    expect(await router().drain?.(run)).toMatchObject([{ measured: expect.stringMatching(/^0 after/) }]);
    expect(await router().readTraffic(run)).toEqual({ [BLUE]: 100 });
    expect(await router().readSlots?.(run)).toEqual({ [BLUE]: 'a' });
    expect(await router({}, { blue: '', green: '' }).readSlots?.(run)).toEqual({ [BLUE]: 'a' });
  });

  test('refuses to go back if both slots have blue and requests, or both have green', async () => {
    await router().setTraffic(operation(), 50, run);
    for (const version of [BLUE, GREEN]) {
      versions.set('a', version).set('b', version);
      await expect(router().setTraffic(operation(), 0, run)).rejects.toThrow(
        `the slots are not clear: a has ${version}, b has ${version}; expected 2.4.0 in one`,
      );
    }
  });

  test('says that a server is in maintenance, and how to end that', async () => {
    const [socket = ''] = sockets;
    await ask(socket, 'set server shop/b state maint', run.signal);
    await expect(router().setTraffic(operation(), 50, run)).rejects.toThrow(
      'the server shop/b of b is kept from traffic by hand: "set server shop/b state ready" ends that',
    );
    await ask(socket, 'set server shop/b state ready', run.signal);
    await router().setTraffic(operation(), 50, run);
  });

  test('notices processes that do not agree, such as one whose weight was set by hand', async () => {
    const [socket = ''] = sockets;
    await router().setTraffic(operation(), 50, run);
    await ask(socket, 'set server shop/b weight 0', run.signal);
    await expect(router().readTraffic(run)).rejects.toThrow(
      'the HAProxy processes do not agree: one has a 100 %, b 0 %, another a 50 %, b 50 %',
    );
  });

  test('goes back in every process that can be reached, and says which one cannot', async () => {
    await router().setTraffic(operation(), 50, run);
    const all = router({ sockets: [join(folder, 'none.sock'), ...sockets] });
    await expect(all.setTraffic(operation(), 0, run)).rejects.toMatchObject({
      type: 'CommandFailed',
      message: expect.stringMatching(/^HAProxy 1 of 3: HAProxy's runtime API cannot be reached \(ENOENT\)/),
    });
    expect(await served()).toEqual({ [BLUE]: 200 });
    await expect(all.readTraffic(run)).rejects.toThrow(/^HAProxy 1 of 3: /);
  });

  test('names a backend, a server or a socket that is not there', async () => {
    await expect(router({ backend: 'shopp' }).readTraffic(run)).rejects.toThrow(/backend "shopp"/);
    const slots = { a: { servers: ['a'], version: urlOf('a') }, b: { servers: ['c'], version: urlOf('b') } };
    await expect(router({ slots }).readTraffic(run)).rejects.toThrow(
      'HAProxy has no server "c" in backend "shop", only a, b: correct router.slots',
    );
    await expect(router({ sockets: [join(folder, 'none.sock')] }).setTraffic(operation(), 0, run)).rejects.toThrow(
      /cannot be reached \(ENOENT\)/,
    );
  });

  test('preflight finds a socket without the right, and slots without blue', async () => {
    const { socket } = await startHaproxy('third', 'user', 'roundrobin');
    const found = await router({ sockets: [socket] }).preflight?.(run);
    expect(found?.problems.map(({ found: what }) => what).join()).toMatch(/has the level "user": write "level admin"/);
    await expect(router({ sockets: [socket] }).setTraffic(operation(), 0, run)).rejects.toThrow(/level admin/);
    const other = await router({}, { blue: '2.2.0', green: GREEN }).preflight?.(run);
    expect(other?.problems).toMatchObject([{ found: expect.stringContaining('expected 2.2.0 in one') }]);
  });

  test('says that an algorithm takes no weights', async () => {
    const { socket } = await startHaproxy('fourth', 'admin', 'static-rr');
    await expect(router({ sockets: [socket] }).setTraffic(operation(), 25, run)).rejects.toThrow(
      /HAProxy refused .*; use "balance roundrobin"/,
    );
    const found = await router({ sockets: [socket] }).preflight?.(run);
    expect(found?.problems).toMatchObject([{ found: expect.stringContaining('"balance static-rr"') }]);
  });

  test('a reload keeps the weights that stand in the state file', async () => {
    const stateFile = join(folder, 'state');
    await router({ stateFile }).setTraffic(operation(), 100, run);
    expect(await readFile(stateFile, 'utf8')).toContain(' shop ');
    const { socket } = await startHaproxy('fifth', 'admin', 'roundrobin');
    expect(await router({ sockets: [socket] }).readTraffic(run)).toEqual({ [BLUE]: 0, [GREEN]: 100 });
  });

  test('a state file that cannot be written refuses a shift to green, and is only noted in a rollback', async () => {
    const unwritable = router({ stateFile: join(folder, 'missing', 'state') });
    await expect(unwritable.setTraffic(operation(), 50, run)).rejects.toThrow(/ENOENT/);
    expect(await unwritable.setTraffic(operation(), 0, run)).toContainEqual({
      what: 'weights over a reload',
      measured: expect.stringMatching(/^lost: .*missing.state is not written: .*ENOENT/),
    });
    expect(await router().readTraffic(run)).toEqual({ [BLUE]: 100, [GREEN]: 0 });
  });

  test('preflight says that a reboot empties the folder of the state file', async () => {
    const measured = async (stateFile: string) =>
      (await router({ stateFile }).preflight?.(run))?.evidence.find(({ what }) => what.startsWith('weights after'))
        ?.measured;
    expect(await measured('/dev/shm/haproxy-state')).toMatch(
      /^kept in .*, which a reboot empties: use a folder such as/,
    );
    expect(await measured(join(folder, 'state'))).toBe(`kept in ${join(folder, 'state')}`);
  });

  describe('conformance', () => {
    const silent = createTcpServer(() => {});
    let hanging = '';
    beforeAll(async () => {
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      hanging = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    });
    afterAll(() => void silent.close());
    const suite = routerConformance({
      working: () => router(),
      refusing: () => router({ backend: 'none' }),
      hanging: () => router({ sockets: [hanging] }),
      blue: BLUE,
      green: GREEN,
    });
    test.each(suite.map((each) => [each.name, each.run] as const))('%s', async (_, conforms) => conforms());
  });
});

describe('weights', () => {
  test.each([
    [50, 1, 1],
    [1, 1, 1],
    [25, 3, 2],
    [99, 4, 8],
    [10, 16, 16],
  ])('%i %% with %i servers of blue and %i of green', (percentage, blue, green) => {
    const weights = weightsFor(percentage, { blue, green });
    expect(Math.max(weights.blue, weights.green)).toBeLessThanOrEqual(256);
    const shares = sharesOf(
      new Map([
        ['blue', weights.blue * blue],
        ['green', weights.green * green],
      ]),
    );
    expect(shares?.get('green')).toBe(percentage);
  });
});
