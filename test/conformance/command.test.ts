import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { notifierConformance, routerConformance, workloadConformance } from '../../src/testing/index.ts';
import { guide } from '../runbook/support.ts';
import { registry } from '../support/registry.ts';
import { conform } from './conform.ts';

/** The kinds whose programs are scripts: workload, router and notification. */

const BLUE = '2.4.0';
const GREEN = '2.5.0';
const SECRET = 'hunter2-token';
const folder = mkdtempSync(join(tmpdir(), 'bluegreen-conformance-'));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

process.env['CONFORMANCE_TOKEN'] = SECRET;
afterAll(() => {
  delete process.env['CONFORMANCE_TOKEN'];
});

/** Only the green that was deployed is healthy. */
const health = createServer((request, response) => {
  const isUp = request.url === `/${GREEN}` && readFileSync(file('deployed'), 'utf8').includes(GREEN);
  response.writeHead(isUp ? 200 : 503).end();
});
beforeAll(() => new Promise<void>((resolve) => void health.listen(0, '127.0.0.1', resolve)));
afterAll(() => void health.close());
const healthUrl = () => {
  const address = health.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/{version}`;
};

const sh = (script: string, ...args: string[]) => ['/bin/sh', '-c', script, 'sh', ...args];
const REFUSES = sh(`echo "the token is ${SECRET}, see http://inner.example/" >&2; exit 3`);
/** Shell and child, both of which have to end. */
const HANGS = sh(`sleep 3600 & sleep 3601; wait`);
const context = {
  target: { deployment: 'w/r', service: 'shop', environment: 'production', blue: BLUE, green: GREEN, digest: 'd' },
  env: process.env,
  log: { info() {}, warn() {}, error() {} },
  runbook: guide(),
};

function running(): number {
  const all = execFileSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' });
  return all.split('\n').filter((line) => /^[^Z].*sleep 360[01]$/.test(line)).length;
}

/** What only this kind knows comes along. */
const command = (more: Readonly<Record<string, unknown>>) => ({ kind: 'command', timeout: 60_000, ...more });

writeFileSync(file('deployed'), '');
const stop = sh(`[ "$1" != "$(cat '${file('deployed')}')" ] || : > '${file('deployed')}'`, '{version}');
const workload = (deploy: readonly string[], target = context.target) =>
  registry.workload(command({ deploy, stop, health: { url: healthUrl() } }), { ...context, target });
conform(
  'workload of kind command',
  workloadConformance({
    working: () => workload(sh(`echo "$1" > '${file('deployed')}'`, '{version}')),
    refusing: () => workload(REFUSES),
    hanging: () => workload(HANGS),
    retiring: () => workload(REFUSES, { ...context.target, blue: GREEN, green: BLUE }),
    green: GREEN,
    absent: '9.9.9',
    secrets: [SECRET, 'inner.example'],
    running,
  }),
);

writeFileSync(file('traffic'), '0');
const router = (shiftTraffic: readonly string[], rollback: readonly string[]) =>
  registry.router(
    command({
      shiftTraffic,
      rollback,
      status: sh(
        `green=$(cat '${file('traffic')}'); echo "{\\"traffic\\": {\\"${BLUE}\\": $((100 - green)), \\"${GREEN}\\": $green}}"`,
      ),
    }),
    context,
  );
conform(
  'router of kind command',
  routerConformance({
    working: () => router(sh(`echo "$1" > '${file('traffic')}'`, '{percentage}'), sh(`echo 0 > '${file('traffic')}'`)),
    refusing: () => router(REFUSES, REFUSES),
    hanging: () => router(HANGS, HANGS),
    blue: BLUE,
    green: GREEN,
    secrets: [SECRET, 'inner.example'],
    running,
  }),
);

writeFileSync(file('delivered'), '');
const notifier = (words: readonly string[]) => {
  const [one] = registry.notifiers([command({ command: words })], context);
  if (!one) throw new Error('there is one notifier');
  return one;
};
conform(
  'notification of kind command',
  notifierConformance({
    working: () => notifier(sh(`echo "$1 $2" >> '${file('delivered')}'`, '{severity}', '{text}')),
    refusing: () => notifier(REFUSES),
    hanging: () => notifier(HANGS),
    delivered: () => readFileSync(file('delivered'), 'utf8'),
    secrets: [SECRET, 'inner.example'],
  }),
);
