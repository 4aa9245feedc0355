import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import * as messages from '../../src/workflows/messages.ts';
import { readable } from '../support/history.ts';
import { useServers } from '../support/http.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { observe, rolledBack, start, type TestDeployment, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';

/** A real worker under attack: its memory, its log and the machine's list of processes are looked at from outside. */

const temporal = useTemporal();
const serve = useServers();
const MB_IN_KB = 1_024;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface Scene extends TestDeployment {
  readonly production: LittleProduction;
  readonly worker: WorkerProcess;
}

async function scene(changes: Record<string, unknown> = {}, env: Record<string, string> = {}): Promise<Scene> {
  const service = uniqueService();
  const taskQueue = `security-${randomUUID()}`;
  const production = await startLittleProduction(service, changes);
  cleanUps.push(() => production.stop());
  const worker = startWorkerProcess(taskQueue, { ...production.env, ...env });
  cleanUps.push(() => worker.kill('SIGKILL'));
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  return { ...observe(handle), production, worker };
}

/** The most memory that the process ever had, in MB. */
async function peakOf({ pid }: WorkerProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / MB_IN_KB;
}

test('a flood of 600 signals: the one that counts is taken, the others are counted, and the deployment goes on', async () => {
  const { handle, untilPhase, until, status, worker } = await scene({ checklist: [] });
  await untilPhase('awaiting-approval');
  const before = await peakOf(worker);
  const flood: readonly [string, unknown][] = [
    ['approve', { by: 'mallory', gate: 'shift-to-99', reason: 'x'.repeat(2_000) }],
    ['reject', { by: 'mallory', gate: 'shift-to-99', reason: 'x'.repeat(2_000) }],
    ['waive', { by: 'mallory', check: 'none', reason: 'x'.repeat(2_000) }],
    ['recheck', { by: 'x'.repeat(10_000) }],
    ['retryRollback', { by: 'mallory', reason: 'x'.repeat(2_000) }],
    ['attest', ['x'.repeat(10_000)]],
    ['approve', { by: 'mallory', approve: { approve: 'x'.repeat(10_000) } }],
    ['abort', null],
  ];
  const send = (from: number) =>
    Promise.all(
      Array.from({ length: 100 }, (_, number) => {
        const [name, payload] = flood[(from + number) % flood.length] ?? ['abort', null];
        return handle.signal(name, payload);
      }),
    );
  // The SDK ends an activation after five seconds of the clock, which a busy machine needs for more.
  for (let sent = 0; sent < 300; sent += 100) await send(sent);
  await handle.signal(messages.approve, { by: 'ana', reason: 'in the middle of it' });
  for (let sent = 300; sent < 600; sent += 100) await send(sent);
  await until(({ decisions, forgottenDecisions }) => decisions.length + forgottenDecisions === 601).catch((error) => {
    throw new Error(`${error}\nThe worker's log ends with:\n${worker.log().slice(-4_000)}`);
  });
  const flooded = await status();
  expect(JSON.stringify(flooded).length).toBeLessThan(100_000);
  expect(flooded.decisions.filter(({ taken }) => taken)).toMatchObject([{ action: 'approve', by: 'ana' }]);

  const report = await handle.result();
  expect(report.outcome).toBe('completed');
  expect(report.decisions.filter(({ taken }) => taken)).toMatchObject([{ action: 'approve', by: 'ana' }]);
  expect(JSON.stringify(report).length).toBeLessThan(64_001);
  const { historyLength } = await handle.describe();
  expect(historyLength).toBeLessThan(10_240); // where the server begins to warn
  expect((await peakOf(worker)) - before).toBeLessThan(400);
});

const PLANTED = {
  MAIN_DATABASE_URL: 'postgres://planted-user:planted-pass%21word@127.0.0.1:1/planted-database',
  LITTLE_TOKEN: 'planted-token-of-prometheus',
  PLAINLY_NAMED: 'planted-value-of-an-unsuspicious-name',
  HOOK_URL: '', // set below: it has to lead somewhere
  SHOP_API_KEY: 'planted key with blanks',
  SHOP_PASSWORD: 'planted\nof two lines',
};
/** None of these may be seen anywhere, whole or decoded. */
const SECRETS = /planted[- ](user|pass|database|token|value|hook|key|login)|of two lines/;

test('planted secrets, hostile output and a hostile page: rolled back, nothing told, memory bounded', async () => {
  let told = 0;
  const hook = await serve((_request, response) => {
    told += 1;
    response.writeHead(told % 2 === 0 ? 200 : 500).end('no planted-hook today');
  });
  const echo = await serve((request, response) =>
    response.writeHead(401).end(JSON.stringify({ error: `who is ${request.headers.authorization}?` })),
  );
  const program = fileURLToPath(new URL('../support/leaky-command.mjs', import.meta.url));
  const leaky = (...rest: string[]) => [process.execPath, program, ...rest];
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-planted-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'login'), 'planted-login-of-a-file\n');
  const env = ['LITTLE_PRODUCTION', 'LOGIN', ...Object.keys(PLANTED)];
  const check = (id: string, rest: object) => ({ id, title: id, group: id, ...rest });
  const pool = { instances: 1, size: 1 };
  const alerts = { labels: { service: 'shop' }, errors: 'errors_total', latency: 'seconds' };
  const { handle, until, untilPhase, status, production, worker } = await scene(
    {
      workload: { deploy: leaky('deploy', '{version}'), env },
      router: { rollback: leaky('rollback', '{service}'), env },
      databases: { main: { urlEnv: 'MAIN_DATABASE_URL' } },
      watch: { maxSoakFactor: 3 },
      notifications: [{ kind: 'webhook', urlEnv: 'HOOK_URL' }],
      checklist: [
        check('leak', { kind: 'command', command: leaky('fail', 'x'), env }),
        check('database', {
          kind: 'postgres-max-connections',
          database: 'main',
          role: 'shop',
          blue: pool,
          green: pool,
        }),
        check('alerts', { kind: 'prometheus-alerts', url: echo.origin, auth: { tokenEnv: 'LITTLE_TOKEN' }, ...alerts }),
        check('plain', {
          kind: 'prometheus-alerts',
          url: echo.origin,
          auth: { tokenEnv: 'PLAINLY_NAMED' },
          ...alerts,
        }),
      ],
    },
    { ...PLANTED, HOOK_URL: `${hook.origin}/planted-hook`, LOGIN_FILE: join(folder, 'login') },
  );
  production.misbehave('fail', 'fail');
  const seen = watchFromOutside(handle, production);

  await untilPhase('checking');
  const ids = ['leak', 'database', 'alerts', 'plain'];
  await until(({ checks }) => checks.every(({ outcome }) => outcome === 'failed' || outcome === 'unmeasured'));
  expect((await status()).checks.map(({ id }) => id)).toEqual(ids);
  for (const id of ids) await handle.signal(messages.waive, { check: id, by: 'ana', reason: 'it is an attack' });
  await untilPhase('soaking');
  production.misbehave('metrics', 'flood');
  await untilPhase('rolling-back');
  await seen.untilHeartbeat('longer than 64 KB'); // of the recovery, which cannot be verified yet
  production.misbehave('metrics', 'well');
  const { message, report } = await rolledBack(handle);
  expect(report.rollback?.cause).toBe('inconclusive');
  expect(message).toContain('line 1000001 is longer than 64 KB');
  expect(production.share()).toBe(0);
  expect(await peakOf(worker)).toBeLessThan(900);

  const { processes, heartbeats } = await seen.stop();
  expect(processes).toContain('leaky-command.mjs');
  const history = readable(historyToJSON(await handle.fetchHistory()));
  expect(history).toContain('[redacted]');
  const places = { history, heartbeats, processes, log: worker.log(), report: JSON.stringify(report), message };
  for (const [place, text] of Object.entries(places))
    expect([place, SECRETS.exec(text)?.[0]]).toEqual([place, undefined]);
});

/** What anybody may see of a deployment: the list of processes while each command runs, and the heartbeats. */
function watchFromOutside(handle: TestDeployment['handle'], production: LittleProduction) {
  const processes = new Set<string>();
  const heartbeats = new Set<string>();
  const over = new AbortController();
  production.beforeAnswering(async () => {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      processes.add(line.replaceAll('\0', ' '));
    }
  });
  const lookAtHeartbeats = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await delay(20);
      const { raw } = await handle.describe();
      for (const { heartbeatDetails, lastFailure } of raw.pendingActivities ?? []) {
        for (const { data } of heartbeatDetails?.payloads ?? []) heartbeats.add(Buffer.from(data ?? []).toString());
        heartbeats.add(JSON.stringify(lastFailure ?? ''));
      }
    }
  };
  const looking = lookAtHeartbeats();
  return {
    untilHeartbeat: async (text: string) => {
      while (![...heartbeats].some((heartbeat) => heartbeat.includes(text))) {
        expect(await handle.describe()).toMatchObject({ status: { name: 'RUNNING' } });
        await delay(20);
      }
    },
    stop: async () => {
      over.abort();
      await looking;
      return { processes: [...processes].join('\n'), heartbeats: [...heartbeats].join('\n') };
    },
  };
}
