import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFile, bundleWorkflows } from '../src/worker/index.ts';

/** Writes the workflow bundles for production, without and with traces: `bundle-workflows.ts dist`. */
const [folder] = process.argv.slice(2);
if (!folder) throw new Error('expected the folder to write to, such as dist');
for (const traced of [false, true]) {
  const { code } = await bundleWorkflows({ traced });
  await writeFile(join(folder, bundleFile({ traced })), code);
}
