import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Writes the workflow bundle for production: `bundle-workflows.ts dist/workflow-bundle.js`. */
const [destination] = process.argv.slice(2);
if (!destination) throw new Error('expected the file to write, such as dist/workflow-bundle.js');
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../src/workflows/index.ts', import.meta.url)),
  logger: new DefaultLogger('WARN'),
});
await writeFile(destination, code);
