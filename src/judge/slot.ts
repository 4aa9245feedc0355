import { addBoth, type BothCounts } from './counts.ts';
import type { Interval } from './judgement.ts';
import type { SequentialRules } from './rules.ts';

/** Counts that are judged together. */
export type Slot = BothCounts & { readonly from: number; readonly to: number };

/** A slot with fewer of green's requests says little: it goes on, as long as patience does. */
const ENOUGH_FOR_A_SLOT = 5;

/** Counts are judged in slots of at least this length: of faster polls several make one. */
function slotLength({ burstToleranceMs, pollMs }: SlotRules): number {
  return Math.max(pollMs, burstToleranceMs / 6);
}

type SlotRules = Pick<SequentialRules, 'burstToleranceMs' | 'pollMs'>;

/** The slot that is filling, with one more interval; `isFull` where it is to be judged. */
export function fillSlot(
  open: Slot | null,
  interval: Interval,
  rules: SlotRules,
): { readonly slot: Slot; readonly isFull: boolean } {
  const { green, blue, from, to, greenDark } = interval;
  const slot = open ? { ...addBoth(open, interval), from: open.from, to } : { from, to, green, blue };
  const ms = to - slot.from;
  // A poll is never exactly on time.
  const isShort =
    ms < 0.9 * slotLength(rules) || (ms < rules.burstToleranceMs && slot.green.requests < ENOUGH_FOR_A_SLOT);
  // Green's counts come with its next reading.
  return { slot, isFull: !greenDark && !isShort };
}
