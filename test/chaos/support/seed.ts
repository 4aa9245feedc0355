import { execFileSync } from 'node:child_process';
import fc from 'fast-check';

/**
 * How much of the chaos suite runs: all of it (`npm run test:chaos`, and when histories are recorded), or the sample that
 * this commit has (`npm test`).
 * Every choice follows from one seed, so that `BLUEGREEN_CHAOS_SEED` repeats it.
 */
export const everything = process.env['BLUEGREEN_CHAOS'] === 'all' || process.env['RECORD_HISTORIES'] === '1';
export const seed = seedOf(process.env['BLUEGREEN_CHAOS_SEED'] ?? commit());

/** All of these, or so many that the seed chooses, in their order. */
export function sample<Item>(items: readonly Item[], count: number): Item[] {
  if (everything || items.length <= count) return [...items];
  const some = fc.shuffledSubarray([...items.keys()], { minLength: count, maxLength: count });
  const chosen = fc.sample(some, { seed, numRuns: 1 })[0] ?? [];
  return items.filter((_, index) => chosen.includes(index));
}

/** For the names of tests, so that a failure says how to repeat it. */
export const seeded = `seed ${seed}`;

function seedOf(text: string): number {
  const number = /^-?\d+$/.test(text) ? Number(text) : Number.parseInt(text.slice(0, 8), 16);
  if (!Number.isSafeInteger(number)) throw new Error(`BLUEGREEN_CHAOS_SEED is "${text}", expected a whole number`);
  return Math.trunc(number) | 0;
}

/** The first digits of the commit that is checked out; the same ones everywhere where there is no git. */
function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '1';
  }
}
