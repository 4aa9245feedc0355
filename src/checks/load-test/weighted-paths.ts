/** What may be asked for: `weight` times as often as a path of weight 1. */
export interface WeightedPath {
  /** Begins with a slash; `{random:1:20000}` is a whole number between the two, both included, new for each request. */
  readonly path: string;
  readonly weight: number;
}

const RANDOM = /\{random:(\d{1,15}):(\d{1,15})\}/g;

/** What is wrong with a path, in words for the one who wrote it; undefined: nothing. */
export function pathProblem(path: string): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#'))
    return 'expected a path that begins with /, without # and blanks, everything unusual percent-encoded';
  const swapped = [...path.matchAll(RANDOM)].find(([, from, to]) => Number(from) > Number(to));
  if (swapped) return `found ${swapped[0]}, expected the smaller number first`;
  return /[{}]/.test(path.replace(RANDOM, ''))
    ? 'expected braces only in {random:FROM:TO}, such as {random:1:20000}'
    : undefined;
}

/**
 * Picks paths by their weights. At random, not in turn: what shares out the requests behind it, a router between two
 * versions say, may have a rhythm of its own, and one that falls in step would send all of one path to one version.
 */
export function createPathPicker(paths: readonly WeightedPath[]): () => string {
  const total = paths.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let left = Math.random() * total;
    for (const { path, weight } of paths) {
      left -= weight;
      if (left < 0) return filled(path);
    }
    return filled(paths.at(-1)?.path ?? '/'); // what rounding left over
  };
}

function filled(path: string): string {
  return path.replace(RANDOM, (_all, from: string, to: string) => randomBetween(Number(from), Number(to)));
}

function randomBetween(from: number, to: number): string {
  return String(from + Math.floor(Math.random() * (to - from + 1)));
}
