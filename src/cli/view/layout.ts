import { stripVTControlCharacters } from 'node:util';
import sliceAnsi from 'slice-ansi';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Text in the columns of a terminal: wide characters and colours count as the terminal shows them. Pure. */

/** At most `width` columns of it, wide characters and colours counted as the terminal shows them. */
export function clip(text: string, width: number): string {
  return stringWidth(text) <= width ? text : `${sliceAnsi(text, 0, Math.max(0, width - 1))}…`;
}

/** The line broken between words so that it fits, further lines set in by two more columns than the first. */
export function wrap(line: string, width: number): string[] {
  if (stringWidth(line) <= width) return [line];
  const start = /^ */.exec(stripVTControlCharacters(line))?.[0] ?? '';
  const room = Math.max(3, width - start.length);
  const [first = '', ...rest] = wrapAnsi(line.trimStart(), room, { hard: true }).split('\n');
  if (rest.length === 0) return [`${start}${first}`];
  const further = wrapAnsi(rest.join(' '), room - 2, { hard: true }).split('\n');
  return [`${start}${first}`, ...further.map((more) => `${start}  ${more}`)];
}

/** Rows in columns, each as wide as it has to be. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_head, column) => Math.max(...rows.map((row) => stringWidth(row[column] ?? '')))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => `${cell}${' '.repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(cell)))}`)
      .join('  ')
      .trimEnd(),
  );
}
