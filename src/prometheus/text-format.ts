/** One line of a page: a value of one series. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface MetricsPage {
  readonly samples: readonly Sample[];
  /** Names with a `# TYPE` or `# HELP` line: such a metric exists, though it may have no series yet. */
  readonly announced: ReadonlySet<string>;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\[^])*)"[ \t]*(?:,|(?=\}))/y;
const LABELS_END = /[ \t]*\}/y;
/** The value, and what is read over: a timestamp, and an OpenMetrics exemplar. */
const VALUE = /[ \t]*([^ \t#]+)(?:[ \t]+[0-9.eE+-]+)?(?:[ \t]+#[ \t][^]*)?[ \t]*$/y;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
/** A page may be made to keep a worker busy, or to fill its memory: these are far beyond what any page needs. */
const LONGEST_LINE = 65_536;
const MOST_SAMPLES = 100_000;

/**
 * Reads Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats), and OpenMetrics as far as it
 * looks the same. Our own because the parser on npm merges the series of different versions into one histogram.
 * Only what `isWanted` by its name is kept; of the rest no more than the name is read.
 * @throws Error with the number of the first line that is not in the format or too long, when the last line is torn, or
 *   when there is more than a page can have.
 */
export function parsePrometheusText(text: string, isWanted: (name: string) => boolean = () => true): MetricsPage {
  const samples: Sample[] = [];
  const announced = new Set<string>();
  if (text !== '' && !text.endsWith('\n')) throw new Error('its last line is torn: it does not end with a line feed');
  for (let start = 0, number = 1; start < text.length; number += 1) {
    const end = text.indexOf('\n', start);
    if (end - start > LONGEST_LINE) throw new Error(`line ${number} is longer than ${LONGEST_LINE / 1_024} KB`);
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line.startsWith('#')) {
      const name = /^#[ \t]+(?:TYPE|HELP)[ \t]+(\S+)/.exec(line)?.[1];
      if (name !== undefined && isWanted(name)) announced.add(name);
    } else if (line !== '') {
      const read = reader(line);
      const name = read(NAME)?.[0];
      if (name !== undefined && !isWanted(name) && /[{ \t]/.test(line.charAt(name.length))) continue;
      const sample = name === undefined ? undefined : parseSample(name, read);
      if (!sample) throw new Error(`line ${number} is not in Prometheus' text format`);
      if (samples.push(sample) > MOST_SAMPLES)
        throw new Error(`it has more than ${MOST_SAMPLES} values of one service`);
    }
  }
  return { samples, announced };
}

function parseSample(name: string, read: Reader): Sample | undefined {
  const labels = new Map<string, string>();
  if (read(/[ \t]*\{/y)) {
    for (let label = read(LABEL); label; label = read(LABEL)) labels.set(label[1] ?? '', unescaped(label[2] ?? ''));
    if (!read(LABELS_END)) return undefined;
  } else if (!read(/(?=[ \t])/y)) return undefined;
  const value = parseValue(read(VALUE)?.[1] ?? '');
  return value === undefined ? undefined : { name, labels, value };
}

/** Matches one sticky pattern after the other. */
type Reader = (pattern: RegExp) => RegExpExecArray | null;

function reader(line: string): Reader {
  let at = 0;
  return (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match) at = pattern.lastIndex;
    return match;
  };
}

function unescaped(text: string): string {
  return text.replace(/\\([\\"n])/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

function parseValue(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case 'nan':
      return Number.NaN;
    case 'inf':
    case '+inf':
      return Number.POSITIVE_INFINITY;
    case '-inf':
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}
