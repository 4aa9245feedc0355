import { z } from 'zod';
import { groupOf } from '../domain/index.ts';
import { type FreezeWindow, WEEKDAYS, windowProblem } from '../freezes/index.ts';
import { duration, name, words } from './scalars.ts';

const point = z.string({ error: 'expected a time, a day of the year or a date as text, such as "16:00"' });

const freezeWindow = z
  .strictObject({
    name: name.describe('The name that people see, such as `christmas`.'),
    timeZone: z
      .string()
      .describe('The time zone of the times and dates by its IANA name, such as `Europe/Berlin` or `UTC`.'),
    weekdays: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .optional()
      .describe(
        'Only on these days: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. Without `from` and `to`, the whole days.',
      ),
    from: point
      .optional()
      .describe(
        'When it begins: a time of each day (`16:00`), a day of each year (`12-20`), or a date with or without a time (`2026-12-20`, `2026-12-20T18:00`).',
      ),
    to: point
      .optional()
      .describe(
        'When it ends, in the same form. A time not later than `from` is on the next day; `24:00` is midnight. A day without a time counts whole.',
      ),
  })
  .superRefine((window, context) => {
    const problem = windowProblem(window satisfies FreezeWindow);
    if (problem) context.addIssue({ code: 'custom', path: [problem.key], message: problem.message });
  });

export const freezes = z
  .array(freezeWindow)
  .superRefine((windows, context) => {
    const names = new Set<string>();
    for (const [index, window] of windows.entries()) {
      if (names.has(window.name))
        context.addIssue({
          code: 'custom',
          path: [index, 'name'],
          message: `found "${window.name}" twice, expected each once`,
        });
      names.add(window.name);
    }
  })
  .optional()
  .meta({
    description:
      'When nobody may start a deployment or shift more traffic to green. A rollback is never held. docs/freezes.md explains it.',
    examples: [
      [
        { name: 'friday-evening', timeZone: 'Europe/Berlin', weekdays: ['fri'], from: '16:00', to: '24:00' },
        { name: 'christmas', timeZone: 'Europe/Berlin', from: '2026-12-20', to: '2027-01-03' },
      ],
    ],
  });

/** Groups are read by a worker when it confirms an approval; an override is decided without one. */
const overrider = words(200)
  .min(1)
  .refine((text) => groupOf(text.trim().toLowerCase()) === undefined, {
    error: ({ input }) =>
      `found ${JSON.stringify(input)}, expected the name of a person: groups count for approvals only, so write the names of the people`,
  });

export const onFreeze = z
  .strictObject({
    start: z
      .enum(['wait', 'refuse'])
      .default('wait')
      .describe('What happens to a deployment that is started in a freeze: it waits for the end, or is refused.'),
    override: z
      .array(overrider)
      .default([])
      .describe(
        'Who may override a freeze for one deployment, by the names that they give as `--by`. Groups are refused here.',
      ),
    timeout: duration
      .prefault('720h')
      .describe(
        'The longest wait for the end of a freeze. After it a start is refused, and a deployment under way rolls back.',
      ),
  })
  .optional()
  .meta({
    description: 'What happens in a freeze: of the runbook, or made with `bluegreen freeze`.',
    examples: [{ start: 'refuse', override: ['ana', 'ben'] }],
  });

const DEFAULTS = onFreeze.unwrap().parse({});

/** What a runbook says about freezes, with its defaults. */
export function freezeRules(runbook: { readonly onFreeze?: z.output<typeof onFreeze> }): typeof DEFAULTS {
  return runbook.onFreeze ?? DEFAULTS;
}
