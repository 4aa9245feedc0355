import { setTimeout as sleep } from 'node:timers/promises';

/** What customers noticed of something that was done to production. */

/** The service fills its pool again within this time, and what was refused meanwhile is counted by then. */
const AFTERMATH_MS = 1_500;

interface Count {
  readonly requests: number;
  readonly failed: number;
}

/** Carries it out and tells how long that took and how many requests failed meanwhile, by the router's own count. */
export async function noticing(metricsUrl: string, act: () => Promise<void>): Promise<string> {
  const before = await count(metricsUrl);
  const begun = Date.now();
  await act();
  const tookMs = Date.now() - begun;
  await sleep(AFTERMATH_MS);
  const after = await count(metricsUrl);
  const [requests, failed] = [after.requests - before.requests, after.failed - before.failed];
  return `it took ${(tookMs / 1_000).toFixed(1)} s; of the ${requests} requests of customers from then until now ${failed} failed`;
}

async function count(metricsUrl: string): Promise<Count> {
  const page = await (await fetch(metricsUrl)).text();
  let [requests, failed] = [0, 0];
  for (const [, code = '', value] of page.matchAll(/^http_requests_total\{.*code="(\d+)".*\} (\d+)$/gm)) {
    requests += Number(value);
    if (code.startsWith('5')) failed += Number(value);
  }
  return { requests, failed };
}
