import { z } from 'zod';
import { checkKind } from '../../plugin/index.ts';

export const attestation = checkKind({
  kind: 'attestation',
  summary: 'A person confirms it with `attest`.',
  schema: (base) =>
    base.omit({ remedy: true }).extend({ statement: z.string().min(1).describe('What the person confirms.') }),
  statement: ({ statement }) => statement,
});
