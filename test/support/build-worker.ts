import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TO_JAVASCRIPT = {
  swcrc: false,
  sourceMaps: 'inline',
  // The types of swc do not know the last one yet: `./plan.ts` becomes `./plan.js`.
  jsc: { target: 'es2023', parser: { syntax: 'typescript' }, rewriteRelativeImportExtensions: true },
  module: { type: 'es6' },
} as const;

/**
 * The worker as JavaScript beside the workflow bundle in `folder`, as `npm run build` leaves it in `dist`: it starts in
 * a third of the time that it takes from its sources.
 *
 * @returns the program.
 */
export async function buildWorker(folder: string): Promise<string> {
  const sources = join(ROOT, 'src');
  const files = (await readdir(sources, { recursive: true })).filter((file) => file.endsWith('.ts'));
  for (const file of files) {
    const { code } = await transformFile(join(sources, file), TO_JAVASCRIPT);
    const target = join(folder, file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, code);
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'worker.js');
}
