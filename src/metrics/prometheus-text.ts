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
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats), and OpenMetrics as far as it
 * looks the same. Our own because the parser on npm merges the series of different versions into one histogram.
 * @throws Error with the number of the first line that is not in the format, or when the last line is torn.
 */
export function parsePrometheusText(text: string): MetricsPage {
  const samples: Sample[] = [];
  const announced = new Set<string>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('its last line is torn: it does not end with a line feed');
  lines.forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed.startsWith('#')) {
      const name = /^#[ \t]+(?:TYPE|HELP)[ \t]+(\S+)/.exec(trimmed)?.[1];
      if (name !== undefined) announced.add(name);
    } else if (trimmed !== '') {
      const sample = parseSample(trimmed);
      if (!sample) throw new Error(`line ${index + 1} is not in Prometheus' text format`);
      samples.push(sample);
    }
  });
  return { samples, announced };
}

function parseSample(line: string): Sample | undefined {
  const read = reader(line);
  const name = read(NAME)?.[0];
  if (name === undefined) return undefined;
  const labels = new Map<string, string>();
  if (read(/[ \t]*\{/y)) {
    for (let label = read(LABEL); label; label = read(LABEL)) labels.set(label[1] ?? '', unescaped(label[2] ?? ''));
    if (!read(LABELS_END)) return undefined;
  } else if (!read(/(?=[ \t])/y)) return undefined;
  const value = parseValue(read(VALUE)?.[1] ?? '');
  return value === undefined ? undefined : { name, labels, value };
}

/** Matches one sticky pattern after the other. */
function reader(line: string): (pattern: RegExp) => RegExpExecArray | null {
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
