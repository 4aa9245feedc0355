import assert from 'node:assert/strict';
import type { Router } from '../plugin/index.ts';
import {
  assertAbortsPromptly,
  assertEvidence,
  assertFailure,
  type ConformanceTest,
  idle,
  newOperation,
  rejectionOf,
} from './conformance.ts';

/** What the suite needs to know of a router. Every function makes a new one, for the same traffic. */
export interface RouterSubject {
  /** A router that works; all traffic is on blue at first, and green runs. */
  working(): Router | Promise<Router>;
  /** It refuses every change. */
  refusing(): Router | Promise<Router>;
  /** It does not answer. */
  hanging(): Router | Promise<Router>;
  readonly blue: string;
  readonly green: string;
  /** Texts that may never be shown: tokens, passwords, addresses. */
  readonly secrets?: readonly string[];
  /** How many programs or requests that the router started are still running. */
  running?(): number | Promise<number>;
  /** Which shares of green it can set, ending with 0; by default 50, 100 and 0. */
  readonly percentages?: readonly [first: number, ...more: number[]];
  /** How long an accepted change may take until it is read back, in milliseconds; by default 10 s. */
  readonly settleMs?: number;
}

const SETTLE_MS = 10_000;

/** The promises of the router port. */
export function routerConformance(subject: RouterSubject): readonly ConformanceTest[] {
  const { blue, green, secrets = [], settleMs = SETTLE_MS, percentages = [50, 100, 0] } = subject;
  const [first] = percentages;

  async function readsBack(router: Router, percentage: number): Promise<void> {
    const until = Date.now() + settleMs;
    for (;;) {
      const shares = await router.readTraffic(idle());
      if (shares === undefined) return; // it cannot report them
      const isSet = (shares[green] ?? 0) === percentage && (shares[blue] ?? 0) === 100 - percentage;
      if (isSet) return;
      assert.ok(
        Date.now() < until,
        `read ${JSON.stringify(shares)}, expected ${percentage} % on ${green}, the rest on ${blue}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return [
    ...percentages.map((percentage) => ({
      name: `${percentage} % on green is set, twice as well as once, and read back`,
      run: async () => {
        const router = await subject.working();
        const operation = newOperation();
        assertEvidence(await router.setTraffic(operation, percentage, idle()), secrets);
        assertEvidence(await router.setTraffic({ ...operation, attempt: 2 }, percentage, idle()), secrets);
        await readsBack(await subject.working(), percentage);
      },
    })),
    {
      name: 'a refused shift, and a refused rollback, is CommandFailed, without any secret',
      run: async () => {
        const router = await subject.refusing();
        for (const percentage of [first, 0])
          assertFailure(await rejectionOf(() => router.setTraffic(newOperation(), percentage, idle())), {
            type: 'CommandFailed',
            secrets,
          });
      },
    },
    {
      name: 'an abort rejects promptly with its reason, and ends what was started',
      run: async () => {
        const router = await subject.hanging();
        for (const percentage of [first, 0])
          await assertAbortsPromptly((signal) =>
            router.setTraffic(newOperation(), percentage, { signal, heartbeat() {} }),
          );
        assert.equal((await subject.running?.()) ?? 0, 0, 'something that was started is still running');
      },
    },
    {
      name: 'preflight changes nothing, and has evidence without any secret',
      run: async () => {
        const router = await subject.working();
        const found = await router.preflight?.(idle());
        if (!found) return;
        assert.deepEqual(found.problems, [], 'a router that works has no problems');
        assertEvidence(found.evidence, secrets);
      },
    },
  ];
}
