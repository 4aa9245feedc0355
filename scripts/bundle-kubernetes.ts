import { join } from 'node:path';
import { build } from 'esbuild';

/** Writes what a worker loads of the Kubernetes client, without the classes of its API: `bundle-kubernetes.ts dist`. */
const [folder] = process.argv.slice(2);
if (!folder) throw new Error('expected the folder to write to, such as dist');

/** The client of the API, which `makeApiClient` would make, and `fetch`: requests are sent by src/kubernetes/connection.ts. */
const NOT_USED = /^(\.\/gen\/index\.js|node-fetch)$/;

await build({
  entryPoints: ['src/kubernetes/library.ts'],
  outfile: join(folder, 'kubernetes', 'library.js'),
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  // Packages that are no ES modules load those of Node so.
  banner: {
    js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
  },
  plugins: [
    {
      name: 'not-used',
      setup(esbuild) {
        esbuild.onResolve({ filter: NOT_USED }, ({ path }) => ({ path, namespace: 'not-used' }));
        esbuild.onLoad({ filter: /./, namespace: 'not-used' }, () => ({ contents: 'module.exports = {};' }));
      },
    },
  ],
});
