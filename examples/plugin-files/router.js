import { commandFailed, routerKind } from 'bluegreen/plugin';
import { folderKey, readJson, writeJson } from './folder.js';

/** The shares of the traffic are in traffic.json: {"2.4.0": 50, "2.5.0": 50}. */
export const fileRouter = routerKind({
  kind: 'files',
  summary: 'The shares of the traffic are in traffic.json.',
  schema: (base) => base.extend({ folder: folderKey }),
  create({ folder }, { target: { blue, green } }) {
    return {
      async setTraffic(_operation, greenPercentage, { signal }) {
        signal.throwIfAborted();
        const shares = { [blue]: 100 - greenPercentage, [green]: greenPercentage };
        try {
          await writeJson(folder, 'traffic.json', shares);
        } catch (error) {
          throw commandFailed(`traffic.json cannot be written (${error.code})`);
        }
        return [{ what: 'traffic', measured: `${greenPercentage} % on ${green}` }];
      },
      readTraffic: () => readJson(folder, 'traffic.json', {}),
    };
  },
});
