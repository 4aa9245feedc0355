import type { Compared } from './sides.ts';

/** `le="0.3"` and a limit of 300 ms are the same number, whatever their binary fractions. */
const TOLERANCE = 1e-9;

/** The largest end at or below the limit that all of these histograms have. */
function commonEnd(histograms: readonly (readonly number[])[], limit: number): number | undefined {
  const [first = [], ...others] = histograms;
  const usable = first.filter(
    (end) => isWithin(end, limit) && others.every((ends) => ends.some((other) => isSame(other, end))),
  );
  return usable.length === 0 ? undefined : Math.max(...usable);
}

/**
 * Beyond how many seconds the requests of each version count as slow: for those that are compared the same, or one would
 * seem slower by its buckets alone. Versions without such an end are left out.
 * @param histograms by version: where the buckets of each of its histograms end, in seconds
 */
export function slowEnds(
  histograms: ReadonlyMap<string, readonly (readonly number[])[]>,
  limit: number,
  compared?: Compared,
): Map<string, number> {
  const isCompared = (version: string) => version === compared?.blue || version === compared?.green;
  const both = [...histograms].flatMap(([version, ends]) => (isCompared(version) ? ends : []));
  const found = new Map<string, number>();
  for (const [version, own] of histograms) {
    const end = commonEnd(isCompared(version) ? both : own, limit);
    if (end !== undefined) found.set(version, end);
  }
  return found;
}

/** @throws Error if the buckets of a version that matters cannot separate slow requests from others. */
export function refuseWithoutEnd(
  name: string,
  histograms: ReadonlyMap<string, readonly (readonly number[])[]>,
  { limit, compared }: { readonly limit: number; readonly compared: Compared | undefined },
): void {
  const ends = slowEnds(histograms, limit, compared);
  for (const [version, own] of histograms) {
    if (ends.has(version)) continue;
    if (compared && version !== compared.blue && version !== compared.green) continue;
    if (commonEnd(own, limit) !== undefined && compared)
      throw new Error(
        `blue and green cannot be compared: the buckets of ${name} have no end at or below the latency limit of ${limit} s in ` +
          `common (${[compared.blue, compared.green].map((one) => `${one}: ${shownEnds((histograms.get(one) ?? []).flat())}`).join('; ')})`,
      );
    throw new Error(
      `histogram ${name} of ${version} has no bucket at or below the latency limit of ${limit} s: its buckets end at ` +
        `${shownEnds(own.flat())} s; expected durations in seconds, or a name that ends in _milliseconds`,
    );
  }
}

/** `0.5, 1 .. 10000`. */
export function shownEnds(ends: readonly number[]): string {
  const finite = [...new Set(ends)].filter(Number.isFinite).sort((a, b) => a - b);
  return finite.length <= 3 ? finite.join(', ') : `${finite[0]}, ${finite[1]} .. ${finite.at(-1)}`;
}

export function isWithin(end: number, limit: number): boolean {
  return end <= limit * (1 + TOLERANCE);
}

/** Whether a bucket that ends there is stricter than the limit. */
export function isBelow(end: number, limit: number): boolean {
  return end < limit * (1 - TOLERANCE);
}

export function isSame(one: number, other: number): boolean {
  return isWithin(one, other) && isWithin(other, one);
}
