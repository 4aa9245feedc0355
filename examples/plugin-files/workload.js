import { commandFailed, greenUnhealthy, workloadKind } from 'bluegreen/plugin';
import { folderKey, readJson, writeJson } from './folder.js';

/** The versions that run are a list in running.json. */
export const fileWorkload = workloadKind({
  kind: 'files',
  summary: 'The versions that run are listed in running.json.',
  schema: (base) => base.extend({ folder: folderKey }),
  create({ folder }, { target }) {
    const { green } = target;

    async function change(what, changed, { signal }) {
      signal.throwIfAborted();
      try {
        await writeJson(folder, 'running.json', changed(await readJson(folder, 'running.json', [])));
      } catch (error) {
        throw commandFailed(`${what} failed: running.json cannot be changed (${error.code})`);
      }
      return [{ what, measured: `${green} in running.json` }];
    }

    return {
      // A desired state: done twice, it is still there once.
      deploy: (_operation, run) =>
        change('deploy', (running) => [...running.filter((version) => version !== green), green], run),
      stop: (_operation, run) => change('stop', (running) => running.filter((version) => version !== green), run),
      async checkHealth(version, { signal }) {
        signal.throwIfAborted();
        const running = await readJson(folder, 'running.json', []);
        if (!running.includes(version)) throw greenUnhealthy(`${version} is not in running.json`);
        return [{ what: `health of ${version}`, measured: 'in running.json' }];
      },
    };
  },
});
