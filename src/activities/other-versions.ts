import type { Counts } from '../judge/index.ts';
import { shortList } from '../util/index.ts';

/**
 * The versions other than blue and green that have fresh requests, in words: a release has another name in the metrics more
 * often than it has no traffic.
 */
export function otherVersions(
  counts: Readonly<Record<string, Pick<Counts, 'requests'>>>,
  { blue, green }: { readonly blue: string; readonly green: string },
): string | undefined {
  const others = Object.keys(counts).filter(
    (version) => version !== blue && version !== green && (counts[version]?.requests ?? 0) > 0,
  );
  return others.length === 0 ? undefined : `the metrics count requests of ${shortList(others)} instead`;
}
