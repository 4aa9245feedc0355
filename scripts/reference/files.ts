import { runbookJsonSchema, runbookSchemaInWords } from './json-schema.ts';
import { runbookPage } from './page.ts';

/** What is generated from the runbook's schema, by file. */
export const REFERENCE: Readonly<Record<string, () => string>> = {
  'docs/runbook.md': () => runbookPage(runbookSchemaInWords()),
  'docs/runbook.schema.json': () => `${JSON.stringify(runbookJsonSchema(), null, 2)}\n`,
};
