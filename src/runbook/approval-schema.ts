import { z } from 'zod';
import { groupOf, isSamePerson } from '../domain/index.ts';
import { duration, name, words } from './scalars.ts';

const MOST_APPROVERS = 50;

const approver = words(100)
  .refine((text) => text.trim() !== '', 'expected a name, or group: and the name of a group')
  .superRefine((text, context) => {
    const group = groupOf(text);
    if (group === undefined && groupOf(text.trim().toLowerCase()) !== undefined)
      context.addIssue({
        code: 'custom',
        message: `found ${JSON.stringify(text)}, which would be the name of a person; expected group: in lower case at the beginning, such as group:release-managers`,
      });
    const [issue] = group === undefined ? [] : (name.safeParse(group).error?.issues ?? []);
    if (issue) context.addIssue({ code: 'custom', message: `the name of the group: ${issue.message}` });
  });

/** What the gate after a step of the traffic asks for. */
export const approval = z
  .strictObject({
    required: z.int().min(1).max(10).default(1).describe('How many different people have to approve.'),
    approvers: z
      .array(approver)
      .min(1)
      .max(MOST_APPROVERS)
      .optional()
      .describe('Who may approve: names, and groups as `group:release-managers`. Without it, anybody may.'),
    notRequester: z
      .boolean()
      .default(false)
      .describe('Whether the person who requested the deployment (`requestedBy`) may not approve it.'),
    rejections: z
      .int()
      .min(1)
      .max(10)
      .default(1)
      .describe('How many different people have to reject before it is rolled back. Anybody may reject.'),
    identity: z
      .enum(['claim', 'principal'])
      .default('claim')
      .describe(
        'With `principal`, an approval counts only as a signal for which the server recorded an authenticated sender of that name (docs/approvals.md).',
      ),
    timeout: duration.prefault('4h').describe('How long the gate waits for approvals.'),
    onTimeout: z
      .enum(['rollback', 'wait'])
      .default('rollback')
      .describe('What happens after the timeout. With `wait` the gate stays open, and people are reminded.'),
    remindEvery: duration
      .optional()
      .describe(
        'How often people are reminded while the gate is open. Without it: with `onTimeout: wait`, every `timeout`; else never.',
      ),
  })
  .superRefine(({ required, approvers }, context) => {
    if (!approvers || approvers.some((one) => groupOf(one) !== undefined)) return;
    const people = approvers.filter((one, index) => approvers.findIndex((other) => isSamePerson(one, other)) === index);
    if (people.length < required)
      context.addIssue({
        code: 'custom',
        path: ['approvers'],
        message: `found ${people.length} ${people.length === 1 ? 'person' : 'different people'}, expected at least ${required} (required)`,
      });
  });
