/** Lines that belong together. */
export interface Block {
  readonly lines: readonly string[];
  /** What matters least goes first where there is not room for all. */
  readonly matters: number;
  /** Fewer lines that say the same, taken before anything goes. */
  readonly short?: readonly string[];
}

/** What fits into so many rows, in the order given: first the shorter ways, then without what matters least. Pure. */
export function fitToHeight(blocks: readonly Block[], rows: number): string[] {
  let left = blocks.filter(({ lines }) => lines.length > 0);
  const length = (): number => left.reduce((sum, { lines }) => sum + lines.length, 0);
  const least = (candidates: readonly Block[]): Block | undefined =>
    candidates.reduce<Block | undefined>((low, one) => (low && low.matters <= one.matters ? low : one), undefined);
  while (length() > rows) {
    const shortened = least(left.filter(({ short }) => short !== undefined));
    const { matters, short = [] } = shortened ?? {};
    const goes = least(left);
    if (shortened && matters !== undefined)
      left = left.map((one) => (one === shortened ? { lines: short, matters } : one));
    else if (goes && left.length > 1) left = left.filter((one) => one !== goes);
    else break;
  }
  return left.flatMap(({ lines }) => lines).slice(0, Math.max(1, rows));
}
