import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalServer } from '../../src/local-temporal/index.ts';
import { bundleWorkflows } from '../../src/worker/workflow-bundle.ts';
import { seed } from '../chaos/support/seed.ts';
import { buildWorker } from './build-worker.ts';
import { offerKubernetes } from './shared-kubernetes.ts';

/** One real Temporal server, one workflow bundle and one built worker for all test files: each test has its own queue and service. */
export default async function globalSetup(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'bluegreen-test-'));
  await mkdir(join(scratch, 'dist'));
  const bundlePath = join(scratch, 'dist', 'workflow-bundle.js');
  const [server, worker, kubernetes] = await Promise.all([
    startLocalServer({ ui: false }),
    buildWorker(scratch),
    offerKubernetes(scratch),
    bundleWorkflows().then(({ code }) => writeFile(bundlePath, code)),
  ]);
  process.env['TEST_TEMPORAL_ADDRESS'] = server.address;
  process.env['TEST_WORKFLOW_BUNDLE'] = bundlePath;
  process.env['TEST_WORKER'] = worker;
  process.env['TEST_KUBERNETES'] = kubernetes.url;
  process.env['BLUEGREEN_CHAOS_SEED'] = String(seed); // one for the whole run, whatever is committed meanwhile
  process.stderr.write(`\nchaos seed ${seed}\n`);
  globalThis.__stopTemporal = async () => {
    await kubernetes.stop();
    await server.stop();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  };
}

declare global {
  var __stopTemporal: (() => Promise<void>) | undefined;
}
