import { addBoth, type BothCounts, NOTHING } from './counts.ts';
import { timedOf } from './rules.ts';

/** The counts of the last two minutes, in bins, so that the state stays short however fast the polls are. */
export type Recent = readonly Bin[];
/** Green's, then blue's requests, failed and slow ones; then how many of green's and of blue's were timed, where that is not all. */
type Bin = readonly [from: number, to: number, ...counts: readonly number[]];

const RECENT_MS = 120_000;
const BIN_MS = 10_000;

export function addRecent(recent: Recent, slot: BothCounts & { readonly from: number; readonly to: number }): Recent {
  const kept = recent.filter(([, to]) => to > slot.to - RECENT_MS);
  const last = kept.at(-1);
  const joins = last && slot.to - last[0] <= BIN_MS;
  const { green, blue } = joins ? addBoth(countsOf(last), slot) : slot;
  const counts = [green, blue].flatMap(({ requests, failed, slow }) => [requests, failed, slow]);
  const isAllTimed = green.timed === undefined && blue.timed === undefined;
  const timed = isAllTimed ? [] : [timedOf(green), timedOf(blue)];
  return [...(joins ? kept.slice(0, -1) : kept), [joins ? last[0] : slot.from, slot.to, ...counts, ...timed]];
}

/** What was counted in the last `ms`, in whole bins, and the time that these cover. */
export function trailing(recent: Recent, ms: number): BothCounts & { readonly ms: number } {
  const end = recent.at(-1)?.[1] ?? 0;
  const bins = recent.filter(([, to]) => to > end - ms);
  const counts = bins.map(countsOf).reduce(addBoth, NOTHING);
  return { ...counts, ms: bins.reduce((sum, [from, to]) => sum + Math.max(0, to - from), 0) };
}

function countsOf(bin: Bin): BothCounts {
  const of = (first: number, timed: number | undefined) => ({
    requests: bin[first] ?? 0,
    failed: bin[first + 1] ?? 0,
    slow: bin[first + 2] ?? 0,
    ...(timed !== undefined && { timed }),
  });
  return { green: of(2, bin[8]), blue: of(5, bin[9]) };
}
