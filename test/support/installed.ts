import { describe } from '@jest/globals';

/** Skips, saying why, where these programs were not found; but CI says that all are there, and then what is missing fails. */
export function describeWith(found: unknown, programs: string): typeof describe.skip {
  if (found !== undefined || process.env['BLUEGREEN_ALL_TESTS'] === 'required') return describe;
  process.stderr.write(
    `Skipped: tests that need ${programs} on the PATH (scripts/support/install-debian.sh and the build-*.sh beside it).\n`,
  );
  return describe.skip;
}
