import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { registryWith } from 'bluegreen';
import {
  checkConformance,
  metricsConformance,
  notifierConformance,
  routerConformance,
  workloadConformance,
} from 'bluegreen/testing';
import plugin from './index.js';

/** The kinds of this plugin keep the promises of their ports. */

const registry = registryWith([plugin]);
const folder = mkdtempSync(join(tmpdir(), 'bluegreen-plugin-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));
/** A folder that cannot be: its parent is a file. */
writeFileSync(join(folder, 'file'), '');
const broken = join(folder, 'file', 'folder');

const context = {
  target: { deployment: 'w/r', service: 'shop', environment: 'production', blue: '2.4.0', green: '2.5.0', digest: 'd' },
  env: process.env,
  log: console,
  limits: { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } },
};

function conform(name, suite) {
  describe(name, () => {
    for (const one of suite) test(one.name, one.run);
  });
}

const workload = (where) => registry.workload({ kind: 'files', timeout: 1_000, folder: where }, context);
conform(
  'workload',
  workloadConformance({
    working: () => workload(folder),
    refusing: () => workload(broken),
    hanging: () => never(workload(folder), 'deploy'),
    green: '2.5.0',
    absent: '9.9.9',
  }),
);

const router = (where) => registry.router({ kind: 'files', timeout: 1_000, folder: where }, context);
conform(
  'router',
  routerConformance({
    working: () => router(folder),
    refusing: () => router(broken),
    hanging: () => never(router(folder), 'setTraffic'),
    blue: '2.4.0',
    green: '2.5.0',
  }),
);

const requests = join(folder, 'requests.jsonl');
writeFileSync(requests, '');
const metrics = () => registry.metrics({ kind: 'files', poll: 1_000, folder }, context);
conform(
  'metrics',
  metricsConformance({
    source: metrics,
    hanging: () => never(metrics(), 'read'),
    versions: ['2.4.0', '2.5.0'],
    async serve(version, { requests: all, failed, slow, seconds }) {
      // The slow ones take the whole time, so that the sums are as wanted.
      const lines = Array.from({ length: all }, (_, number) =>
        JSON.stringify({ version, failed: number < failed, seconds: number < slow ? seconds / slow : 0 }),
      );
      await appendFile(requests, `${lines.join('\n')}\n`);
    },
    async restart() {
      await rm(requests);
      await appendFile(requests, '');
    },
    outage: (isOut) => (isOut ? rename(requests, `${requests}.away`) : rename(`${requests}.away`, requests)),
  }),
);

const notifier = (where) => registry.notifiers([{ kind: 'files', folder: where }], context)[0];
const notifications = join(folder, 'notifications.jsonl');
writeFileSync(notifications, '');
conform(
  'notification',
  notifierConformance({
    working: () => notifier(folder),
    refusing: () => notifier(broken),
    hanging: () => never(notifier(folder), 'notify'),
    delivered: () => readFileSync(notifications, 'utf8'),
  }),
);

const check = (file) => registry.check({ kind: 'file-exists', id: 'file', folder, file });
conform(
  'check',
  checkConformance({
    passing: check('requests.jsonl'),
    failing: check('no-such-file'),
    context: (signal) => ({ ...context, run: { signal, heartbeat() {} } }),
  }),
);

/** A file system answers at once; where one hangs, only the abort is left. */
function never(port, name) {
  return {
    ...port,
    [name]: async (...args) => {
      const signal = args.map((one) => one?.signal ?? one).find((one) => one instanceof AbortSignal);
      signal.throwIfAborted();
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    },
  };
}
