import { createClient, createPathPicker } from '../checks/index.ts';
import { runChild } from './child.ts';
import { type LoadConfig, type LoadOrder, startLoad } from './load.ts';

/** The customers, as a process of their own: what they measure is not disturbed by what they measure. */

/** Longer than the router's own time-out: that a version hangs is for the router to say and to count. */
const TIMEOUT_MS = 5_000;

let load: ReturnType<typeof startLoad> | undefined;

runChild<LoadConfig, LoadOrder>({
  async start({ origin, users, requestsPerSecond }) {
    const client = createClient({ target: new URL(origin), timeoutMs: TIMEOUT_MS });
    const nextPath = createPathPicker([{ path: `/recommendations?user={random:1:${users}}`, weight: 1 }]);
    load = startLoad(requestsPerSecond, async () => (await client.send({ path: nextPath() })) === undefined);
    setInterval(() => load && console.log(JSON.stringify(load.report())), 5_000);
    return 0;
  },
  obey: ({ requestsPerSecond }) => load?.setRate(requestsPerSecond),
  end: async () => load?.stop(),
});
