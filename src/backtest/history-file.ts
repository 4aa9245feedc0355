import {
  GAP_INTERVALS,
  HistoryError,
  type HistoryInterval,
  inWholeNumbers,
  type TrafficHistory,
} from '../plugin/index.ts';

/**
 * The past as JSON Lines, one interval a line, the oldest first: `{"t": 1764000015000, "n": 412, "failed": 1, "slow": 9}`.
 * `t` is the end of the interval in epoch milliseconds; it begins where the line before ends. `slow` may be missing.
 * `timed` counts those whose duration is known, where that is not all of them.
 */
interface Line {
  readonly t: number;
  readonly n: number;
  readonly failed: number;
  readonly slow: number;
  readonly timed?: number;
}

/** `file` is what messages call it. @throws PastError with the line and what was expected. */
export function parseHistory(text: string, file: string): TrafficHistory {
  const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, file, index)]));
  const spacings = lines.slice(1).map(({ t }, index) => t - (lines[index]?.t ?? t));
  const backwards = spacings.findIndex((spacing) => spacing <= 0);
  if (backwards !== -1)
    throw new HistoryError(
      `${file}: the times do not rise: interval ${backwards + 2} ends no later than the one before`,
    );
  const usual = spacings.toSorted((a, b) => a - b)[Math.floor(spacings.length / 2)];
  if (usual === undefined) throw new HistoryError(`${file}: found ${lines.length} intervals, expected at least two`);

  const intervals = lines.map(({ t, n, ...counts }, index): HistoryInterval => {
    const spacing = spacings[index - 1] ?? usual;
    return { from: t - (spacing > GAP_INTERVALS * usual ? usual : spacing), to: t, requests: n, ...counts };
  });
  return { intervals: inWholeNumbers(intervals), notices: [] };
}

/** What `parsePast` reads back. */
export function formatHistory({ intervals }: TrafficHistory): string {
  return intervals
    .map(({ from: _, to, requests, ...counts }) => `${JSON.stringify({ t: to, n: requests, ...counts })}\n`)
    .join('');
}

function parseLine(text: string, file: string, index: number): Line {
  const wrong = (what: string) => new HistoryError(`${file}:${index + 1}: ${what}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('found no JSON, expected {"t": 1764000015000, "n": 412, "failed": 1, "slow": 9}');
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const number = (key: keyof Line, otherwise?: number): number => {
    const found = fields[key] ?? otherwise;
    if (typeof found === 'number' && Number.isFinite(found) && found >= 0) return found;
    throw wrong(`${key}: found ${JSON.stringify(found) ?? 'nothing'}, expected a number that is not negative`);
  };
  const line = {
    t: number('t'),
    n: number('n'),
    failed: number('failed'),
    slow: number('slow', 0),
    ...('timed' in fields && { timed: number('timed') }),
  };
  if (line.failed > line.n) throw wrong(`failed: found ${line.failed}, expected at most n, which is ${line.n}`);
  const [most, name] = line.timed === undefined ? [line.n, 'n'] : [line.timed, 'timed'];
  if (line.slow > most) throw wrong(`slow: found ${line.slow}, expected at most ${name}, which is ${most}`);
  return line;
}
