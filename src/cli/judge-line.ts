import { z } from 'zod';
import { type ReplayVerdict, replay } from '../backtest/index.ts';
import type { SequentialRules } from '../judge/index.ts';
import { messageOf } from '../util/index.ts';

const count = z.number().min(0);
const counted = { ng: count, xg: count, nb: count, xb: count };
const t = z.number().min(0);

const interval = z.union([
  z.object({ t, kind: z.enum(['ok', 'reset']).default('ok'), ...counted, resetsG: z.array(count).optional() }),
  z.object({ t, kind: z.enum(['duplicate', 'stale', 'outage']) }),
  z.object({ t, kind: z.literal('green-dark'), nb: count.nullish(), xb: count.nullish() }),
]);

/** As `RecordedSoak`. Unknown fields are ignored: the sets carry more than the judge needs. */
const soak = z
  .object({
    soak: z.string(),
    metric: z.enum(['error', 'latency']),
    limit: z.object({ share: z.number().gt(0).lt(1), seconds: z.number().optional() }),
    share: z.number().gt(0).max(1),
    pollSeconds: z.number().gt(0),
    scrapeSeconds: z.number().gt(0).optional(),
    soakSeconds: z.number().gt(0),
    maxSoakSeconds: z.number().gt(0),
    history: z.object({ blue: z.array(z.tuple([count, count])) }).optional(),
    intervals: z.array(interval),
  })
  .superRefine(({ intervals }, context) => {
    let before = 0;
    intervals.forEach((one, index) => {
      if (one.t <= before)
        context.addIssue({
          code: 'custom',
          path: ['intervals', index, 't'],
          message: `found ${one.t}, expected more than the end of the interval before (${before})`,
        });
      before = one.t;
    });
  });

/** The verdict on one line of input, or what is wrong with the line. */
export function judgeLine(
  line: string,
  overrides: Partial<SequentialRules>,
): ReplayVerdict | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { problem: messageOf(error) };
  }
  const parsed = soak.safeParse(value);
  if (parsed.success) return replay(parsed.data, overrides);
  const [issue] = parsed.error.issues;
  return { problem: `${issue?.path.join('.') || 'the whole line'}: ${issue?.message}` };
}
