import { Agent } from 'undici';
import { runChild } from './child.ts';
import { type LoadConfig, type LoadOrder, startLoad } from './load.ts';

/** The customers, as a process of their own: what they measure is not disturbed by what they measure. */

/** Longer than the router's own time-out: that a version hangs is for the router to say and to count. */
const TIMEOUT_MS = 5_000;

const agent = new Agent();
let load: ReturnType<typeof startLoad> | undefined;

runChild<LoadConfig, LoadOrder>({
  async start({ origin, users, requestsPerSecond }) {
    load = startLoad(requestsPerSecond, async () => {
      const path = `/recommendations?user=${1 + Math.floor(Math.random() * users)}`;
      const { statusCode, body } = await agent.request({
        origin,
        path,
        method: 'GET',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await body.dump();
      return statusCode < 500;
    });
    setInterval(() => load && console.log(JSON.stringify(load.report())), 5_000);
    return 0;
  },
  obey: ({ requestsPerSecond }) => load?.setRate(requestsPerSecond),
  end: async () => load?.stop(),
});
