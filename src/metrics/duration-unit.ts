/** The ends of names that say another unit than seconds, and how many of it a second has. */
const PER_SECOND: Readonly<Record<string, number>> = {
  milliseconds: 1_000,
  millis: 1_000,
  ms: 1_000,
  microseconds: 1_000_000,
  us: 1_000_000,
};

/** How many of a histogram's units a second has, by its name: 1,000 for `istio_request_duration_milliseconds`. */
export function unitsPerSecond(latency: string): number {
  const end = /_([a-z]+)$/.exec(latency)?.[1] ?? '';
  return Object.hasOwn(PER_SECOND, end) ? (PER_SECOND[end] ?? 1) : 1;
}
