import type { Problem } from './problems.ts';

type Keys = Readonly<Record<string, unknown>>;

/** Ways to tell blue and green apart: one replaces another. */
const WAYS = ['versionLabel', 'slotLabel', 'versionSelector'];

/**
 * What a person writes under `metrics` of a further metric is what differs from the runbook's `metrics`: here each gets all
 * keys. Another kind of metrics stands for itself. Anything else stays as it is, for the schema to judge.
 */
export function expandAnalysis(data: unknown): unknown {
  if (!isKeys(data) || !Array.isArray(data['analysis'])) return data;
  const { metrics, analysis } = data;
  const { latency: _, ...shared } = isKeys(metrics) ? metrics : {};
  const expanded = analysis.map((entry: unknown) => {
    if (!isKeys(entry) || !isKeys(entry['metrics'])) return entry;
    const own = entry['metrics'];
    const isOfKind = own['kind'] === undefined || own['kind'] === shared['kind'];
    if (!isOfKind) return entry;
    const tellsApart = WAYS.some((way) => own[way] !== undefined);
    const taken = Object.entries(shared).filter(([key]) => !(tellsApart && [...WAYS, 'slotValue'].includes(key)));
    return { ...entry, metrics: { ...Object.fromEntries(taken), ...own } };
  });
  return { ...data, analysis: expanded };
}

/** A mistake in the runbook's `metrics` is said there, and not once more for each further metric that takes them. */
export function withoutRepetitions(problems: readonly Problem[]): readonly Problem[] {
  const ofMetrics = problems.filter(({ keys: [first] }) => first === 'metrics');
  return problems.filter(({ keys: [list, , part, ...rest], message }) => {
    if (list !== 'analysis' || part !== 'metrics') return true;
    const where = JSON.stringify(rest.map(String));
    return !ofMetrics.some((one) => one.message === message && JSON.stringify(one.keys.slice(1).map(String)) === where);
  });
}

function isKeys(value: unknown): value is Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
