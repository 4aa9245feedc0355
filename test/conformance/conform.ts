import { describe, test } from '@jest/globals';
import type { ConformanceTest } from '../../src/testing/index.ts';

/** The tests of a conformance suite, as Jest's. */
export function conform(kind: string, suite: readonly ConformanceTest[]): void {
  describe(kind, () => {
    test.each(suite.map(({ name, run }) => [name, run] as const))('%s', async (_name, run) => run());
  });
}
