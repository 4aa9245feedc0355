import { writeFile } from 'node:fs/promises';
import { bundleWorkflows } from '../src/temporal/workflow-bundle.ts';

/** Writes the workflow bundle for production: `bundle-workflows.ts dist/workflow-bundle.js`. */
const [destination] = process.argv.slice(2);
if (!destination) throw new Error('expected the file to write, such as dist/workflow-bundle.js');
const { code } = await bundleWorkflows();
await writeFile(destination, code);
