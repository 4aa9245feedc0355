/** Cells of one line, as they are printed. */
export function row(...cells: readonly string[]): string {
  return cells
    .map((cell) => cell.padEnd(17))
    .join(' ')
    .trimEnd();
}

/** The same as a row of a table in Markdown. */
export function markdownRow(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The value that so large a part of all does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return (
    (quantile(values, 0.5) -
      quantile(
        values.map((value) => -value),
        0.5,
      )) /
    2
  );
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function mebibytes(number: number): string {
  return `${number.toFixed(0)} MiB`;
}

export function kept(isKept: boolean): string {
  return isKept ? 'kept' : 'MISSED';
}
