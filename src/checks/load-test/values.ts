import { open } from 'node:fs/promises';
import { errorCode } from '../../util/index.ts';

/** One row: the text of each column by its name. */
export type Row = Readonly<Record<string, string>>;

/** More is copied from production, not written for a test. */
const LARGEST_BYTES = 16 * 1_048_576;
const COLUMN = /^[A-Za-z_]\w*$/;

/** The rows of a CSV file of the worker; its first line names the columns. @throws Error that says what is wrong with it. */
export async function readValues(file: string): Promise<readonly Row[]> {
  const [columns = [], ...rows] = parseCsv(await readText(file));
  const wrong = columns.find((column) => !COLUMN.test(column));
  if (wrong !== undefined)
    throw new Error(
      `the first line of ${file} has the column ${JSON.stringify(wrong.slice(0, 40))}, expected names in letters, digits and _`,
    );
  if (rows.length === 0) throw new Error(`${file} has no row of values below its line of column names`);
  const short = rows.findIndex((row) => row.length !== columns.length);
  if (short >= 0)
    throw new Error(
      `row ${short + 1} below the first line of ${file} has ${rows[short]?.length} values, expected ${columns.length}, one for each column`,
    );
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? ''])));
}

async function readText(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > LARGEST_BYTES)
        throw new Error(`${file} is larger than ${LARGEST_BYTES / 1_048_576} MB; expected a sample of the values`);
      return (await handle.readFile('utf8')).replace(/^\uFEFF/, '');
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    throw new Error(`the file ${file} with the values cannot be read on this worker (${code})`, { cause: error });
  }
}

/** Comma-separated values as RFC 4180 has them: quotes around what has commas, line ends or quotes, which are doubled. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    if (row.length > 1 || row[0] !== '') rows.push(row); // an empty line is none
    row = [];
  }
  return rows;
}
