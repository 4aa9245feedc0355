import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseRunbook } from '../../src/runbook/load.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { format } from '../support/registry.ts';

export const GUIDE_FILE = fileURLToPath(new URL('../../runbooks/recommendation.yaml', import.meta.url));
/** The guide's runbook as text, which tests change where they need it. */
export const GUIDE_TEXT = readFileSync(GUIDE_FILE, 'utf8');

export function guide(): Runbook {
  return parseRunbook(GUIDE_TEXT, { file: 'recommendation.yaml', format });
}

/** The guide with pieces of its text replaced; a piece that is not there would make the test mean nothing. */
export function guideWith(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the guide's runbook does not contain ${from}`);
    return text.replace(from, to);
  }, GUIDE_TEXT);
}
