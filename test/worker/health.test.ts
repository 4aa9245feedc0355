import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { freePort } from '../../src/sandbox/program.ts';
import { serveHealth } from '../../src/worker/health.ts';
import { type OwnServer, startOwnServer } from '../chaos/support/own-server.ts';
import { attest, eventually } from '../chaos/support/scene.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, start, uniqueService } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startServer(): Promise<OwnServer> {
  const server = await startOwnServer();
  cleanUps.push(() => server.stop());
  return server;
}

interface Page {
  readonly status: number;
  readonly text: string;
}

/** A worker with a page for probes; both are asked as kubelet does. */
async function startProbedWorker(server: OwnServer) {
  const service = uniqueService();
  const taskQueue = `health-${randomUUID()}`;
  const production = await startLittleProduction(service, { workload: { timeout: '1m' } });
  cleanUps.push(() => production.stop());
  const port = await freePort();
  const env = { ...production.env, TEMPORAL_ADDRESS: server.address };
  const worker = startWorkerProcess(taskQueue, { ...env, BLUEGREEN_HEALTH_ADDRESS: `127.0.0.1:${port}` });
  cleanUps.push(() => worker.kill('SIGKILL'));
  const get = async (page: string): Promise<Page> => {
    const answer = await fetch(`http://127.0.0.1:${port}${page}`).catch(() => undefined);
    return { status: answer?.status ?? 0, text: (await answer?.text())?.trim() ?? 'nobody listens' };
  };
  const until = (page: string, wanted: RegExp) =>
    eventually(async () => wanted.test((await get(page)).text), `${page} to answer ${String(wanted)}`);
  return { worker, production, taskQueue, service, get, until };
}

test('a worker without Temporal is live and not ready, and ready again when Temporal is back', async () => {
  const server = await startServer();
  const { get, until } = await startProbedWorker(server);
  await until('/readyz', /^ready$/);
  expect(await get('/livez')).toEqual({ status: 200, text: 'live' });
  expect(await get('/metrics')).toEqual({ status: 404, text: 'there are only /livez and /readyz' });
  await server.kill();
  await until('/readyz', /^Temporal does not answer/);
  expect((await get('/readyz')).status).toBe(503);
  expect(await get('/livez')).toEqual({ status: 200, text: 'live' });
  await server.start();
  await until('/readyz', /^ready$/);
});

test('a worker that hands over what it does is live and not ready, until it has ended', async () => {
  const server = await startServer();
  const { worker, production, taskQueue, service, get, until } = await startProbedWorker(server);
  await until('/readyz', /^ready$/);
  const connection = await Connection.connect({ address: server.address });
  cleanUps.push(() => connection.close());
  const deployment = observe(await start(new Client({ connection }), taskQueue, { service, version: '2.5.0' }));
  production.misbehave('deploy', 'hang');
  await attest(deployment);
  await eventually(() => production.asked('deploy') > 0, 'the deploy command');
  const ended = worker.kill('SIGTERM');
  await eventually(async () => {
    const [readiness, liveness] = await Promise.all([get('/readyz'), get('/livez')]);
    return /^the worker takes no work \((STOPPING|DRAINING)\)$/.test(readiness.text) && liveness.status === 200;
  }, 'a worker that is live and takes no work');
  await ended;
});

test('off by default, and an address that cannot be used is refused', async () => {
  expect(await serveHealth({})).toBeUndefined();
  await expect(serveHealth({ BLUEGREEN_HEALTH_ADDRESS: '8081' })).rejects.toThrow(
    'BLUEGREEN_HEALTH_ADDRESS: found "8081", expected an address such as 0.0.0.0:8081',
  );
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => new Promise((resolve) => taken.close(resolve)));
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await expect(serveHealth({ BLUEGREEN_HEALTH_ADDRESS: `127.0.0.1:${port}` })).rejects.toThrow(
    /the worker cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\); choose another address/,
  );
});

test('a worker that has ended is not live', async () => {
  const port = await freePort();
  const health = await serveHealth({ BLUEGREEN_HEALTH_ADDRESS: `127.0.0.1:${port}` });
  cleanUps.push(async () => health?.close());
  const get = async (page: string) => (await fetch(`http://127.0.0.1:${port}${page}`)).text();
  expect(await get('/readyz')).toBe('the worker is starting\n');
  health?.started({ worker: { getStatus: () => ({ runState: 'FAILED' }) }, connection: {} } as never);
  expect(await get('/livez')).toBe('the worker has ended (FAILED)\n');
  expect(await get('/readyz')).toBe('the worker takes no work (FAILED)\n');
});
