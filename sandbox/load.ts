import { build as buildHistogram } from 'hdr-histogram-js';

/** What the load's process is told. */
export interface LoadConfig {
  readonly origin: string;
  /** Ids from 1 to this are asked for, at random: a pattern could fall in step with the router's choice. */
  readonly users: number;
  readonly requestsPerSecond: number;
}
export interface LoadOrder {
  readonly requestsPerSecond: number;
}

/** What customers saw since the report before. */
export interface LoadReport {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** How often it is looked what is due. */
const TICK_MS = 5;

/**
 * Sends at a constant rate, whatever comes back (open loop). Latency counts from the moment a request was due: a stall of
 * the server, or of this process, shows up in all requests that it held up.
 */
export function startLoad(initialRate: number, send: () => Promise<boolean>) {
  const latencies = buildHistogram();
  let rate = initialRate;
  let due = performance.now() + 1000 / rate;
  let failed = 0;

  const fire = async (dueAt: number): Promise<void> => {
    const succeeded = await send().catch(() => false);
    latencies.recordValue(Math.round(performance.now() - dueAt));
    if (!succeeded) failed += 1;
  };
  const timer = setInterval(() => {
    const now = performance.now();
    const apartMs = 1000 / rate; // no rate, no request: infinitely far apart
    for (; due <= now; due += apartMs) void fire(due);
  }, TICK_MS);

  return {
    setRate(requestsPerSecond: number): void {
      rate = requestsPerSecond;
      due = performance.now() + 1000 / rate;
    },
    report(): LoadReport {
      const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = [50, 95, 99].map((p) => latencies.getValueAtPercentile(p));
      const report = { requests: latencies.totalCount, failed, p50Ms, p95Ms, p99Ms };
      latencies.reset();
      failed = 0;
      return report;
    },
    stop: (): void => clearInterval(timer),
  };
}
