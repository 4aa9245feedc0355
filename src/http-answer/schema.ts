import { z } from 'zod';
import { template } from '../runbook/index.ts';
import type { ExpectedAnswer } from './judge.ts';

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** What a runbook may expect of the answer of an address: the same keys wherever one is asked. */
export function answerKeys(...placeholders: readonly string[]) {
  return {
    status: z.int().min(100).max(599).optional().describe('The expected HTTP status. By default any of 200 to 299.'),
    contains: template(...placeholders)
      .optional()
      .describe(
        'Text that the first megabyte of the body has to contain. With `{version}` the answer has to come from that version; at the beginning or end of the text it is found only whole: 2.5.0 is not in 2.5.0-rc.1.',
      ),
    header: z
      .strictObject({
        name: z.string().regex(TOKEN, 'expected the name of an HTTP header such as X-Version').describe('Its name.'),
        contains: template(...placeholders).describe('Text that its value has to contain, as in `contains`.'),
      })
      .optional()
      .describe('A header that the answer has to have, for example one with the version.'),
  };
}

/** Whether the answer has to show which version gave it. */
export function namesVersion({ contains = '', header }: ExpectedAnswer): boolean {
  return [contains, header?.contains ?? ''].some((text) => text.includes('{version}'));
}
