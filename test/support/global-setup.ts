import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { startLocalServer } from '../../scripts/support/local-server.ts';

/** One real Temporal server and one workflow bundle for all test files: each test has its own queue and service. */
export default async function globalSetup(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'bluegreen-test-'));
  const bundlePath = join(scratch, 'workflow-bundle.js');
  const logger = new DefaultLogger('WARN');
  const [server] = await Promise.all([
    startLocalServer({ ui: false }),
    bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
      logger,
    }).then(({ code }) => writeFile(bundlePath, code)),
  ]);
  process.env['TEST_TEMPORAL_ADDRESS'] = server.address;
  process.env['TEST_WORKFLOW_BUNDLE'] = bundlePath;
  globalThis.__stopTemporal = async () => {
    await server.stop();
    await rm(scratch, { recursive: true, force: true });
  };
}

declare global {
  var __stopTemporal: (() => Promise<void>) | undefined;
}
