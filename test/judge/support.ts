import * as fc from 'fast-check';
import type { Interval } from '../../src/judge/judgement.ts';
import type { Counts, ThresholdRules } from '../../src/judge/rules.ts';

export const rules: ThresholdRules = {
  rule: 'threshold',
  limits: { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } },
  batchMs: 10_000,
  minRequests: 50,
  breachesInARow: 3,
  pollMs: 1_000,
  staleMs: 40_000,
};

export function counts({ requests = 0, failed = 0, slow = 0 }: Partial<Counts>): Counts {
  return { requests, failed, slow };
}

const someCounts: fc.Arbitrary<Counts> = fc
  .record({
    requests: fc.nat(150),
    failedShare: fc.constantFrom(0, 0.04, 0.06, 1),
    slowShare: fc.constantFrom(0, 0.04, 0.2),
  })
  .map(({ requests, failedShare, slowShare }) => ({
    requests,
    failed: Math.round(requests * failedShare),
    slow: Math.round(requests * slowShare),
  }));

/** Intervals in order from 0 on, of 1 to 15 s each. */
export const someIntervals: fc.Arbitrary<Interval[]> = fc
  .array(fc.record({ ms: fc.integer({ min: 1, max: 15_000 }), green: someCounts, blue: someCounts }), { maxLength: 40 })
  .map((parts) => {
    let at = 0;
    return parts.map(({ ms, green, blue }) => ({ from: at, to: (at += ms), green, blue }));
  });
