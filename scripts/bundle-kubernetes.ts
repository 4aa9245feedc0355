import { join } from 'node:path';
import { build } from 'esbuild';

/** Writes what a worker loads of the Kubernetes client, without the classes of its API: `bundle-kubernetes.ts dist`. */
const [folder] = process.argv.slice(2);
if (!folder) throw new Error('expected the folder to write to, such as dist');

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
      name: 'only-what-is-used',
      setup(esbuild) {
        esbuild.onResolve(
          { filter: /^(\.|@kubernetes\/client-node$)/ },
          async ({ path, importer, pluginData, ...asked }) => {
            if (pluginData === 'resolved' || !/client-node/.test(path + importer)) return undefined;
            const found = await esbuild.resolve(path, { importer, ...asked, pluginData: 'resolved' });
            return { ...found, sideEffects: false };
          },
        );
      },
    },
  ],
});
