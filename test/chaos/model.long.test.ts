import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { useTemporal } from '../support/temporal.ts';
import { type ActName, acts, actsOf, expectRightEnd, type Model, untouched } from './support/model.ts';
import { everything, seed, seeded } from './support/seed.ts';
import { littleSubject, type Subject, scriptedSubject } from './support/subject.ts';

/**
 * Random messages, troubles, cancellations and worker losses against a small model of the invariants. What it found once
 * stays below, shrunk.
 */

const temporal = useTemporal();
const ALL_MS = 1_800_000;
const SAMPLE_MS = 900_000;

async function play(begin: () => Promise<Subject>, commands: Iterable<fc.AsyncCommand<Model, Subject>>): Promise<void> {
  const subject = await begin();
  const model = untouched();
  try {
    await fc.asyncModelRun(() => ({ model, real: subject }), commands);
    await expectRightEnd(model, subject);
  } finally {
    await subject.close();
  }
}

/** Most of a run is waiting: several go on side by side, each from a seed of its own. */
async function explore(begin: () => Promise<Subject>, runs: number, sideBySide: number): Promise<void> {
  const property = fc.asyncProperty(acts, (commands) => play(begin, commands));
  const lanes = Array.from({ length: sideBySide }, (_, lane) =>
    fc.assert(property, { seed: seed + lane, numRuns: Math.ceil(runs / sideBySide) }),
  );
  const results = await Promise.allSettled(lanes);
  expect(results.flatMap((result) => (result.status === 'rejected' ? [inFull(result.reason)] : []))).toEqual([]);
}

/** fast-check says how to repeat it, its cause what was wrong. */
function inFull(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `\n${error.cause.message}` : '';
  return `${String(error)}${cause}`;
}

test(
  `scripted activities, workers stopped and replaced: the invariants hold (${seeded})`,
  () => explore(() => scriptedSubject(temporal), everything ? 300 : 18, 6),
  everything ? ALL_MS : SAMPLE_MS,
);

test(
  `real commands, workers killed: the invariants hold (${seeded})`,
  () => explore(() => littleSubject(temporal.client()), everything ? 36 : 3, everything ? 6 : 3),
  everything ? ALL_MS : SAMPLE_MS,
);

/** Found by the above, as short as they get. */
const FOUND: readonly (readonly ActName[])[] = [['onward', 'cancel', 'lose the worker', 'confirm']];

test.each(FOUND.map((names) => [names.join(', '), names] as const))(
  'found before: %s',
  async (_, names) => play(() => littleSubject(temporal.client()), actsOf(names)),
  SAMPLE_MS,
);
