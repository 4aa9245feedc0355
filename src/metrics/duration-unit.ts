import { z } from 'zod';

const PER_SECOND = { seconds: 1, milliseconds: 1_000, microseconds: 1_000_000, nanoseconds: 1_000_000_000 } as const;

/** A runbook's key. */
export const unit = z.enum(['seconds', 'milliseconds', 'microseconds', 'nanoseconds']);
type Unit = z.output<typeof unit>;

/** How names of metrics end, other than with the unit itself. */
const SHORT: Readonly<Record<string, Unit>> = {
  millis: 'milliseconds',
  ms: 'milliseconds',
  micros: 'microseconds',
  us: 'microseconds',
  nanos: 'nanoseconds',
  ns: 'nanoseconds',
};

/** How many of a histogram's units a second has: by what the runbook says, else by its name (`istio_request_duration_milliseconds`). */
export function unitsPerSecond(latency: string, given?: Unit): number {
  const end = /_([a-z]+)$/.exec(latency)?.[1] ?? '';
  const named = unit.safeParse(end).data ?? (Object.hasOwn(SHORT, end) ? SHORT[end] : undefined);
  return PER_SECOND[given ?? named ?? 'seconds'];
}
