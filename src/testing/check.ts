import assert from 'node:assert/strict';
import type { Check, CheckContext } from '../plugin/index.ts';
import { assertAbortsPromptly, assertEvidence, assertNoSecret, type ConformanceTest } from './conformance.ts';

/** What the suite needs to know of a kind of check. */
export interface CheckSubject {
  /** A check that passes in `context()`, and one that fails there. */
  readonly passing: Check;
  readonly failing: Check;
  /** A check whose world does not answer; missing where it asks nobody. */
  readonly hanging?: Check;
  context(signal: AbortSignal): CheckContext | Promise<CheckContext>;
  /** Texts that may never be shown: tokens, passwords, addresses. */
  readonly secrets?: readonly string[];
}

/** The promises of the check port. */
export function checkConformance(subject: CheckSubject): readonly ConformanceTest[] {
  const { passing, failing, hanging, secrets = [] } = subject;
  const context = () => subject.context(new AbortController().signal);
  return [
    {
      name: 'a check that passes does so again, with evidence',
      run: async () => {
        for (const _again of [1, 2]) {
          const finding = await passing(await context());
          assert.equal(finding.passed, true, finding.summary);
          assert.ok(finding.summary !== '' && finding.evidence.length > 0, 'expected a summary and evidence');
          assertEvidence(finding.evidence, secrets);
        }
      },
    },
    {
      name: 'a check that fails does not throw: it says what is wrong and what unblocks it, without any secret',
      run: async () => {
        const finding = await failing(await context());
        assert.equal(finding.passed, false, finding.summary);
        assert.ok(finding.summary !== '' && (finding.unblock ?? '') !== '', 'expected a summary and what unblocks it');
        assertEvidence(finding.evidence, secrets);
        assertNoSecret(finding, secrets);
      },
    },
    ...(hanging
      ? [
          {
            name: 'an abort rejects promptly with its reason',
            run: () => assertAbortsPromptly(async (signal) => hanging(await subject.context(signal))),
          },
        ]
      : []),
  ];
}
