import { reportJsonSchema } from '../../src/report/schema.ts';
import { builtInJsonSchema, runbookSchemaInWords } from './json-schema.ts';
import { runbookPage } from './page.ts';

/** What is generated from the schemas, by file. */
export const REFERENCE: Readonly<Record<string, () => string>> = {
  'docs/runbook.md': () => runbookPage(runbookSchemaInWords()),
  'docs/runbook.schema.json': () => `${JSON.stringify(builtInJsonSchema(), null, 2)}\n`,
  'docs/report.schema.json': () => `${JSON.stringify(reportJsonSchema(), null, 2)}\n`,
};
