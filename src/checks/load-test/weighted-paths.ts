/** What may be asked for: `weight` times as often as a path of weight 1. */
export interface WeightedPath {
  /** Begins with a slash; `{random:1:20000}` is a whole number between the two, both included, new for each request. */
  readonly path: string;
  readonly weight: number;
}

const RANDOM = /\{random:(\d{1,15}):(\d{1,15})\}/g;
const COLUMN = /\{([A-Za-z_]\w*)\}/g;

/** What is wrong with a path, in words for the one who wrote it; undefined: nothing. `{name}` is a column of the values. */
export function pathProblem(path: string): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#'))
    return 'expected a path that begins with /, without # and blanks, everything unusual percent-encoded';
  const swapped = [...path.matchAll(RANDOM)].find(([, from, to]) => Number(from) > Number(to));
  if (swapped) return `found ${swapped[0]}, expected the smaller number first`;
  return /[{}]/.test(path.replace(RANDOM, '').replace(COLUMN, ''))
    ? 'expected braces only in {random:FROM:TO}, such as {random:1:20000}, and around a column of values'
    : undefined;
}

/** The columns of the values that a path names. */
export function columnsOf(path: string): readonly string[] {
  return [...path.matchAll(COLUMN)].map(([, name = '']) => name);
}

/**
 * Picks by weight. At random, not in turn: what shares out the requests behind it, a router between two
 * versions say, may have a rhythm of its own, and one that falls in step would send all of one path to one version.
 */
export function createPicker<Item extends { readonly weight: number }>(items: readonly Item[]): () => Item {
  const [first] = items;
  if (!first) throw new Error('nothing to pick from');
  const total = items.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let left = Math.random() * total;
    for (const item of items) {
      left -= item.weight;
      if (left < 0) return item;
    }
    return items.at(-1) ?? first; // what rounding left over
  };
}

/** Picks paths by their weights, with their random numbers filled. */
export function createPathPicker(paths: readonly WeightedPath[]): () => string {
  const pick = createPicker(paths);
  return () => fillRandom(pick().path);
}

/** With a new number for each `{random:1:20000}`. */
export function fillRandom(text: string): string {
  return text.replace(RANDOM, (_all, from: string, to: string) => randomBetween(Number(from), Number(to)));
}

function randomBetween(from: number, to: number): string {
  return String(from + Math.floor(Math.random() * (to - from + 1)));
}
