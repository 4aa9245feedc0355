import { parser } from '@prometheus-io/lezer-promql';

/** `code=~"5.."`: one condition that a series has to meet. A metric's name is the label `__name__`. */
export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** What an expression reads: the series that meet all of these. */
export interface Selector {
  readonly matchers: readonly Matcher[];
  /** The expression means something without these series, too: it asks whether they are absent, say. */
  readonly optional: boolean;
}

export type Labels = Readonly<Record<string, string>>;

const NAME = '__name__';
const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const OPERATORS: readonly string[] = ['=', '!=', '=~', '!~'] satisfies Matcher['operator'][];

/** Every selector of a PromQL expression, in order. Ranges, offsets and `@` are left out: they say when, not what. */
export function selectorsOf(promql: string): Selector[] {
  const selectors: Selector[] = [];
  parser.parse(promql).iterate({
    enter({ node, name }) {
      if (name === 'VectorSelector')
        selectors.push({ matchers: matchersOf(node, promql), optional: isOptional(node, promql) });
    },
  });
  return selectors;
}

/** The selector that a text is, and nothing else: `http_requests_total{code=~"5.."}`. */
export function parseSelector(text: string): Selector | undefined {
  const top = parser.parse(text.trim()).topNode.firstChild;
  const [selector] = selectorsOf(text);
  const whole = top?.name === 'VectorSelector' && top.nextSibling === null && !hasError(text);
  return whole && selector && metricOf(selector) !== undefined ? selector : undefined;
}

/** The metric that it names outright. */
export function metricOf({ matchers }: Selector): string | undefined {
  return matchers.find(({ label, operator }) => label === NAME && operator === '=')?.value;
}

/** Whether it reads this metric; one that gives no name at all reads every metric, which nobody means. */
export function selectsMetric({ matchers }: Selector, metric: string): boolean {
  const names = matchers.filter(({ label }) => label === NAME);
  return names.some(({ operator }) => operator.startsWith('=')) && names.every((matcher) => accepts(matcher, metric));
}

/** Whether series with these labels may be among what it reads. */
export function mayMatch({ matchers }: Selector, labels: Labels): boolean {
  return matchers.every((matcher) => {
    const value = Object.hasOwn(labels, matcher.label) ? labels[matcher.label] : undefined;
    return value === undefined || accepts(matcher, value);
  });
}

/** Whether one series with these labels meets all conditions; a label that it does not have is empty, as in PromQL. */
export function isMetBy(matchers: readonly Matcher[], labels: ReadonlyMap<string, string>): boolean {
  return matchers.every((matcher) => accepts(matcher, labels.get(matcher.label) ?? ''));
}

/** In PromQL. Not always as it was written, but with the same meaning. */
export function formatSelector(matchers: readonly Matcher[]): string {
  const metric = matchers.find(
    ({ label, operator, value }) => label === NAME && operator === '=' && METRIC.test(value),
  );
  const rest = matchers
    .filter((matcher) => matcher !== metric)
    .map(({ label, operator, value }) => `${LABEL.test(label) ? label : quoted(label)}${operator}${quoted(value)}`);
  return `${metric?.value ?? ''}${rest.length > 0 || metric === undefined ? `{${rest.join(',')}}` : ''}`;
}

type Node = ReturnType<typeof parser.parse>['topNode'];

function matchersOf(selector: Node, promql: string): Matcher[] {
  const text = ({ from, to }: Node) => promql.slice(from, to);
  const name = selector.getChild('Identifier');
  const braces = selector.getChild('LabelMatchers');
  const matchers: Matcher[] = name ? [{ label: NAME, operator: '=', value: text(name) }] : [];
  for (let child = braces?.firstChild ?? null; child; child = child.nextSibling) {
    // {"name in quotes"}
    if (child.name === 'QuotedLabelName') matchers.push({ label: NAME, operator: '=', value: unquoted(text(child)) });
    if (!child.name.endsWith('LabelMatcher')) continue;
    const [plain, inQuotes] = [child.getChild('LabelName'), child.getChild('QuotedLabelName')];
    const [operator, value] = [child.getChild('MatchOp'), child.getChild('StringLiteral')];
    const label = plain ? text(plain) : inQuotes && unquoted(text(inQuotes));
    if (label && operator && value && isOperator(text(operator)))
      matchers.push({ label, operator: text(operator) as Matcher['operator'], value: unquoted(text(value)) });
  }
  return matchers;
}

/** Inside `absent()`, on either side of `or`, or to the right of `unless`. */
function isOptional(selector: Node, promql: string): boolean {
  for (let child = selector, parent = child.parent; parent; child = parent, parent = child.parent) {
    if (parent.name === 'FunctionCall' && promql.startsWith('absent', parent.from)) return true;
    if (parent.name !== 'BinaryExpr') continue;
    if (parent.getChild('Or')) return true;
    const unless = parent.getChild('Unless');
    if (unless && child.from > unless.from) return true;
  }
  return false;
}

function hasError(promql: string): boolean {
  let found = false;
  parser.parse(promql).iterate({
    enter({ type }) {
      found ||= type.isError;
    },
  });
  return found;
}

function accepts({ operator, value: pattern }: Matcher, value: string): boolean {
  switch (operator) {
    case '=':
      return value === pattern;
    case '!=':
      return value !== pattern;
    case '=~':
      return fits(pattern, value) ?? true;
    case '!~':
      return !(fits(pattern, value) ?? false);
  }
}

/** Undefined for a pattern that is RE2's alone: Prometheus, which is asked for live series later, knows. */
function fits(pattern: string, value: string): boolean | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`, 's').test(value);
  } catch {
    return undefined;
  }
}

function isOperator(text: string): boolean {
  return OPERATORS.includes(text);
}

/** What JSON escapes, Go and so PromQL reads back the same way. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text of a literal: `as it stands` in back quotes, with Go's escapes in others. */
function unquoted(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal.startsWith('`')) return inner;
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3})|(.))/g,
    (_whole, hex?: string, short?: string, octal?: string, single = '') => {
      const code = hex ?? short;
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      return ESCAPES[single] ?? single;
    },
  );
}
