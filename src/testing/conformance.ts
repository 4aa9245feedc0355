import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { Operation, RunContext } from '../util/index.ts';

/** One promise of a port. Give it to a test runner: `for (const { name, run } of suite) test(name, run)`. */
export interface ConformanceTest {
  readonly name: string;
  /** Rejects, with what was found and expected, when the promise is not kept. */
  readonly run: () => Promise<void>;
}

/** An abort that is not noticed within this is not prompt. A program may need five seconds until it is killed. */
const PROMPT_MS = 8_000;

let operations = 0;

/** An operation that no other test has. */
export function newOperation(): Operation {
  operations += 1;
  return { id: `conformance/${process.pid}-${operations}/step`, attempt: 1 };
}

/** A caller that never asks to stop. */
export function idle(): RunContext {
  return { signal: new AbortController().signal, heartbeat() {} };
}

/** What an action throws. @throws AssertionError when it does not. */
export async function rejectionOf(action: () => Promise<unknown>): Promise<unknown> {
  let result: unknown;
  try {
    result = await action();
  } catch (error) {
    return error;
  }
  return assert.fail(`it resolved to ${JSON.stringify(result)}, expected a rejection`);
}

/** It was refused with an ApplicationFailure of this type, whose message holds no secret. */
export function assertFailure(
  error: unknown,
  expected: { readonly type: string; readonly retryable?: boolean; readonly secrets: readonly string[] },
): void {
  assert.ok(
    error instanceof ApplicationFailure || (error as { name?: string }).name === 'ApplicationFailure',
    `found ${String(error)}, expected an ApplicationFailure`,
  );
  const { type, nonRetryable } = error as ApplicationFailure;
  assert.equal(type, expected.type, `found the type ${type}, expected ${expected.type}: ${String(error)}`);
  if (expected.retryable !== undefined)
    assert.equal(
      !nonRetryable,
      expected.retryable,
      `expected that it can${expected.retryable ? '' : 'not'} be retried`,
    );
  assertNoSecret((error as Error).message, expected.secrets);
}

/** None of the secrets is in what people see. */
export function assertNoSecret(shown: unknown, secrets: readonly string[]): void {
  const text = typeof shown === 'string' ? shown : JSON.stringify(shown);
  for (const secret of secrets)
    assert.ok(!text.includes(secret), `a secret is shown in: ${text.replaceAll(secret, '***')}`);
}

/** When it is aborted, an action that hangs rejects with the reason, soon. */
export async function assertAbortsPromptly(action: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const reason = new Error('stopped by the conformance test');
  const early = await rejectionOf(() => action(AbortSignal.abort(reason)));
  assert.ok(String(early).includes(reason.message), `found ${String(early)}, expected the reason of the signal`);
  const controller = new AbortController();
  const running = rejectionOf(() => action(controller.signal));
  await sleep(200);
  controller.abort(reason);
  const abortedAt = Date.now();
  const late = await Promise.race([running, sleep(PROMPT_MS, 'nothing', { ref: false })]);
  assert.notEqual(late, 'nothing', `it did not reject within ${PROMPT_MS} ms after the abort`);
  assert.ok(
    String(late).includes(reason.message),
    `found ${String(late)} after ${Date.now() - abortedAt} ms, expected the reason of the signal`,
  );
}

/** Evidence has something to read in every line, and no secret. */
export function assertEvidence(
  evidence: readonly { readonly what: string; readonly measured: string }[],
  secrets: readonly string[],
): void {
  for (const line of evidence) {
    assert.equal(typeof line.what, 'string');
    assert.ok(line.what !== '' && line.measured !== '', `found an empty line of evidence: ${JSON.stringify(line)}`);
  }
  assertNoSecret(evidence, secrets);
}
