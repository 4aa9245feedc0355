import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import type { Finding } from '../../src/plugin/observation.ts';
import { metricsSchema } from '../metrics/support/counters.ts';
import { common, contextFor, withRunbook } from './support/context.ts';
import { createCheck } from './support/create.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((closed) => server.close(closed))));
});

/** A page of counters that grow with each reading: what the slots of blue and of green got in between. */
async function page(blue: number, green: number): Promise<string> {
  let readings = 1_000; // what was before says nothing
  const series = (slot: string, each: number) => `requests_total{slot="${slot}",code="200"} ${each * readings}`;
  const server = createServer((_, response) => {
    response.end(`${series('shop-a', blue)}\n${series('shop-b', green)}\n`);
    readings += 1;
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

async function look(url: string, { timeout = 300_000, greenIsUp = false, slotLabel = 'slot' } = {}): Promise<Finding> {
  const context = { ...contextFor(), greenIsUp };
  const slots = { '2.4.0': 'shop-a', '2.3.0': 'shop-b' };
  const status = ['echo', JSON.stringify({ traffic: { '2.4.0': 100, '2.3.0': 0 }, slots })];
  const { runbook } = context;
  const metrics = metricsSchema.parse({
    kind: 'scrape',
    targets: [url],
    requests: 'requests_total',
    poll: '1s',
    ...(slotLabel && { slotLabel }),
  });
  const router = { kind: 'command', timeout: 10_000, shiftTraffic: ['true'], rollback: ['true'], status };
  return createCheck({ ...common, kind: 'platform-ready', timeout })(
    withRunbook(context, {
      ...runbook,
      workload: { ...runbook.workload, deploy: ['true'] },
      router,
      metrics,
      limits: { errorRate: 0.05 },
      notifications: [],
    } as typeof runbook),
  );
}

const counted = ({ evidence }: Finding) => evidence.find(({ what }) => what.startsWith('requests of '))?.measured;

test('the slot that is to be green, and gets a good part of all requests, is refused with the numbers; a handful is not', async () => {
  const [busy, small, probed, checked, quiet] = await Promise.all([
    page(70, 30).then((url) => look(url)),
    page(2, 4).then((url) => look(url)),
    page(70, 2).then((url) => look(url)),
    // As many as the health checks of a small service.
    page(4, 2).then((url) => look(url)),
    // Too few requests in 12 s to know a share.
    page(1, 1).then((url) => look(url, { timeout: 24_000 })),
  ]);
  expect(busy).toMatchObject({
    passed: false,
    summary: expect.stringMatching(
      /^the slot shop-b is not free for 2\.5\.0: the router sends it no traffic, but it got [\d,]+ of [\d,]+ requests \((29|30|31)[.\d]* %\) in 1\d s$/,
    ),
    unblock: expect.stringMatching(/^end what sends it requests, .* then recheck/),
  });
  expect(small).toMatchObject({ passed: false, summary: expect.stringContaining('it got') });
  expect(checked.passed).toBe(true);
  expect(counted(checked)).toMatch(/\(3[34][.\d]* %\)/);
  expect(probed.passed).toBe(true);
  expect(counted(probed)).toMatch(/^\d+ of [\d,]+ requests \([\d.]+ %\) in 1\d s$/);
  expect(quiet.passed).toBe(true);
  expect(counted(quiet)).toMatch(/^\d+ of \d\d requests \(\d+(\.\d+)? %\) in 1\d s$/);
}, 30_000);

test('a slot whose requests have ended is free at once', async () => {
  const finding = await look(await page(100, 0));
  expect(finding.passed).toBe(true);
  expect(counted(finding)).toMatch(/^0 of \d+ requests \(0 %\) in \d s$/);
});

test('metrics that cannot be read, or have no slots, refuse nothing; nor do requests of a green that is up', async () => {
  const unread = await look('http://127.0.0.1:1/metrics');
  expect(unread.passed).toBe(true);
  expect(counted(unread)).toMatch(/^not counted: /);
  const url = await page(50, 50);
  const early = await look(url, { timeout: 1_000 });
  expect(early.passed).toBe(true);
  expect(counted(early)).toBe('not counted: no two readings to compare yet');
  for (const given of [{ greenIsUp: true }, { slotLabel: '' }]) {
    const finding = await look(url, given);
    expect(finding.passed).toBe(true);
    expect(counted(finding)).toBeUndefined();
  }
});
