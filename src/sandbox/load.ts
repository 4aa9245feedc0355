import { createTally, type LoadNumbers, startOpenLoop } from '../checks/index.ts';

/** The configuration of the load's process. */
export interface LoadConfig {
  readonly origin: string;
  /** Ids from 1 to this are asked for, at random. */
  readonly users: number;
  readonly requestsPerSecond: number;
}
export interface LoadOrder {
  readonly requestsPerSecond: number;
}

/** What customers saw since the report before. */
type LoadReport = Pick<LoadNumbers, 'requests' | 'failed' | 'p50Ms' | 'p95Ms' | 'p99Ms'>;

/** More than are ever under way: the rate times the customers' patience. */
const MOST_IN_FLIGHT = 5_000;

/** The customers: the load test's own open loop, for as long as the sandbox runs. */
export function startLoad(requestsPerSecond: number, send: () => Promise<boolean>) {
  let tally = createTally({ slowOverMs: Number.POSITIVE_INFINITY });
  const loop = startOpenLoop({
    requestsPerSecond,
    mostInFlight: MOST_IN_FLIGHT,
    send: async () => ((await send()) ? undefined : 'failed'),
    settled: (outcome) => tally.count(outcome),
  });

  return {
    setRate: loop.setRate,
    report(): LoadReport {
      const { requests, failed, p50Ms, p95Ms, p99Ms } = tally.numbers();
      tally = createTally({ slowOverMs: Number.POSITIVE_INFINITY });
      return { requests, failed, p50Ms, p95Ms, p99Ms };
    },
    stop: loop.stop,
  };
}
