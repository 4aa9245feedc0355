import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../src/activities/index.ts';
import { registryWith } from '../src/built-in.ts';
import type { Activities } from '../src/domain/index.ts';
import { createReportStore } from '../src/report/index.ts';
import { parseRequest, parseRunbook, type Runbook, toPlan } from '../src/runbook/index.ts';
import { folderState } from '../src/state/index.ts';
import { bundleWorkflows, WORKER_OPTIONS } from '../src/worker/index.ts';

/** A worker as it is in production, but its platform does nothing: what is measured is the watch. Told by its arguments. */

const [address = '', taskQueue = '', metricsOrigin = ''] = process.argv.slice(2);
const registry = registryWith();
/** Time to be killed in. */
const RESTORE_MS = 500;
const DIGEST = '0'.repeat(64);

const kept = new Map<string, Runbook>();
function runbookOf(service: string): Runbook {
  const runbook =
    kept.get(service) ?? parseRunbook(textFor(service), { file: `${service}.yaml`, format: registry.format });
  kept.set(service, runbook);
  return runbook;
}

const textFor = (service: string): string => `
service: ${service}
environment: production
workload: { kind: command, deploy: ["true"], health: { url: "${metricsOrigin}" } }
router: { kind: command, shiftTraffic: ["true"], rollback: ["true"] }
metrics: { kind: scrape, targets: ["${metricsOrigin}/${service}"], requests: http_requests_total, poll: 5s }
limits: { errorRate: 5% }
traffic: [{ percentage: 50, soak: 1h }, { percentage: 100, soak: 1h }]
watch: { window: 1m }
`;

const done = { evidence: [] };
const platform: Partial<Activities> = {
  resolvePlan: async (sent) => {
    const request = parseRequest(sent);
    const runbook = runbookOf(request.service);
    return toPlan({ runbook, digest: DIGEST, request, blue: '2.4.0', deployment: `scale/${request.service}` });
  },
  readBaseline: async () => ({ watchState: { cursor: null, judge: null, soakStartedAt: 0 } }),
  deployGreen: async () => done,
  shiftTraffic: async () => ({ ...done, shiftedAt: Date.now() }),
  restoreTraffic: async ({ target }) => {
    process.stdout.write(`${target.service}\n`);
    await delay(RESTORE_MS);
    return { ...done, startedAt: Date.now(), restoredAt: Date.now() };
  },
  verifyRecovery: async () => ({ ...done, healthyAt: Date.now(), requests: 50 }),
  guardTraffic: async () => ({}),
  notify: async () => {},
};

const runbooks = {
  find: async (service: string) => ({ runbook: runbookOf(service), digest: DIGEST }),
  inPlace: async () => ({ runbooks: [], broken: [] }),
  pinned: async ({ service }: { service: string }) => runbookOf(service),
  pinnedOrCurrent: async ({ service }: { service: string }) => ({ runbook: runbookOf(service) }),
};
const folder = await mkdtemp(join(tmpdir(), 'bluegreen-scale-'));
const reports = createReportStore(folderState(folder));
Runtime.install({ logger: new DefaultLogger('ERROR') });
const worker = await Worker.create({
  ...WORKER_OPTIONS,
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowBundle: await bundleWorkflows(),
  activities: { ...createActivities({ runbooks, reports, registry, env: process.env }), ...platform },
});
process.stdout.write('ready\n');
await worker.run();
await rm(folder, { recursive: true, force: true });
