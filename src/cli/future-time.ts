import { InvalidArgumentError } from 'commander';

const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** A time to come, as epoch milliseconds: ISO 8601 with its offset, since a time without one is another one on each machine. */
export function futureTime(text: string): number {
  const at = ISO_WITH_ZONE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError('Expected a time with its offset from UTC, such as 2026-12-24T22:00+01:00 or ...Z.');
  if (at <= Date.now())
    throw new InvalidArgumentError(`Expected a time to come; it is ${new Date().toISOString()} now.`);
  return at;
}
