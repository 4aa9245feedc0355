import { z } from 'zod';
import { shortList } from '../util/index.ts';

/** How a slot is written in the metrics, where they write it otherwise than the router names it. */

/** A runbook's key. */
export const slotValue = z
  .union(
    [
      z
        .string()
        .refine((text) => text.includes('{slot}'), 'expected a text with {slot} in it, such as "prod-{slot}-http"'),
      z
        .record(z.string().min(1), z.string().min(1))
        .refine((values) => Object.keys(values).length > 1, 'expected both slots')
        .refine(
          (values) => new Set(Object.values(values)).size === Object.keys(values).length,
          'found one value for two slots, expected different ones',
        ),
    ],
    { error: 'expected a text such as "prod-{slot}-http", or the value of each slot: { SLOT: VALUE, SLOT: VALUE }' },
  )
  .describe(
    'How the metrics write a slot, if not as the router names it: `"prod-{slot}-http-80@kubernetesgateway"`, or the value of each ' +
      'slot: `{ shop-a: backend/0, shop-b: backend/1 }`. Default: `{slot}`.',
  );

export type SlotValue = z.output<typeof slotValue>;

/** The text in the metrics for a slot. @throws Error if the runbook names other slots only. */
export function slotValueOf(given: SlotValue, slot: string): string {
  if (typeof given === 'string') return given.replaceAll('{slot}', () => slot);
  const value = given[slot];
  if (value !== undefined) return value;
  throw new Error(
    `metrics.slotValue has no value for the slot "${slot}", which the router names; found values for ${shortList(Object.keys(given))}`,
  );
}

/** How the metrics seem to write a slot, as a runbook says it: the only one of their values that the slot is a part of. */
export function guessedSlotValue(slot: string, known: readonly string[]): string | undefined {
  const [found, ...others] = known.filter((value) => value.includes(slot));
  return found === undefined || others.length > 0 ? undefined : JSON.stringify(found.replace(slot, '{slot}'));
}
