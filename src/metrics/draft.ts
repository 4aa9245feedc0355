import { instantQuery, parsePrometheusText } from '../prometheus/index.ts';
import { formatSelector, type Matcher } from '../promql/index.ts';
import { unitsPerSecond } from './duration-unit.ts';
import { failureRule, meansNoAnswer } from './failure.ts';
import { mixedLabels } from './label-problems.ts';
import { PRESETS, type Preset } from './presets.ts';
import { fetchPage } from './scrape/fetch-page.ts';

/** A series as it was found, without its value. */
interface Found {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

interface Draft {
  /** The keys of `metrics`, as a runbook writes them. */
  readonly keys: Readonly<Record<string, unknown>>;
  /** Why, and what is left to decide; a sentence each. */
  readonly notes: readonly string[];
  /** An end of the histogram's buckets that may serve as a latency limit. */
  readonly slowAboveMs?: number;
}

const TIMEOUT_MS = 15_000;
/** In the order in which they are preferred. */
const VERSION_LABELS =
  /^(version|app_version|service_version|destination_version|.*_version|release|revision|commit|git_sha|image_tag)$/;
const NO_VERSION =
  /^(network_protocol_version|http_version|tls_version|telemetry_sdk_version|otel_scope_version|go_version|protocol_version)$/;
const SLOT_LABELS = [
  'proxy',
  'backend',
  'upstream',
  'envoy_cluster_name',
  'destination_workload',
  'workload',
  'deployment',
  'exported_service',
  'service',
  'server',
];
const REQUESTS = /request|response|http|grpc|rpc|handled|calls|_rq/i;
const DURATION = /duration|latency|_time|seconds|_ms$|handling/i;
/** Says nothing of what counts. */
const GENERIC = 'http_requests_total';
const USUAL_LIMIT_MS = 500;
/** Buckets of seconds do not end so late. */
const LATEST_SECONDS = 300;

/**
 * A first `metrics` block for a source that nobody has described yet, by what is there.
 * @param url a page in Prometheus' text format, or a Prometheus
 * @throws Error that says what could not be read, or that nothing looks like a counter of requests.
 */
export async function draftMetrics(
  url: string,
  { selector, signal }: { readonly selector: readonly Matcher[]; readonly signal: AbortSignal },
): Promise<Draft> {
  const page = await pageAt(url, signal);
  if (page) {
    const own = page.filter(({ labels }) => selector.every(({ label, value }) => labels.get(label) === value));
    return draftOf(own, { kind: 'scrape', targets: [url], poll: '5s' }, selector);
  }
  const names: Matcher = {
    label: '__name__',
    operator: '=~',
    value: '.+_(total|count|bucket|info|rq|xx|labels)|target_info',
  };
  if (selector.length === 0) {
    const { result } = await instantQuery(server(url), { promql: 'count by (job) (up)' }, signal);
    throw new Error(
      `a Prometheus has the series of many services: select yours with --selector 'job="NAME"'; its jobs are ` +
        result
          .map(({ labels }) => labels['job'] ?? '')
          .sort()
          .join(', '),
    );
  }
  const { result } = await instantQuery(server(url), { promql: formatSelector([names, ...selector]) }, signal);
  const found = result.map(({ labels: { __name__: name = '', ...labels } }) => ({
    name,
    labels: new Map(Object.entries(labels)),
  }));
  return draftOf(found, { kind: 'prometheus', url, poll: '15s' }, selector);
}

function server(url: string) {
  return { name: 'Prometheus', url: url.replace(/\/$/, ''), timeoutMs: TIMEOUT_MS };
}

/** Undefined where there is no such page. */
async function pageAt(url: string, signal: AbortSignal): Promise<readonly Found[] | undefined> {
  try {
    const { samples } = parsePrometheusText((await fetchPage(url, signal)).text);
    return samples.length > 0 ? samples : undefined;
  } catch (error) {
    if (/\/metrics\/?$/.test(new URL(url).pathname)) throw error;
    return undefined;
  }
}

/** Pure. @throws Error if nothing looks like a counter of requests. */
function draftOf(
  found: readonly Found[],
  place: Readonly<Record<string, unknown>>,
  selector: readonly Matcher[] = [],
): Draft {
  const series = new Map<string, ReadonlyMap<string, string>[]>();
  for (const { name, labels } of found) series.set(name, [...(series.get(name) ?? []), labels]);
  const chosen = selector.length > 0 && {
    selector: Object.fromEntries(selector.map(({ label, value }) => [label, value])),
  };
  return presetDraft(series, { ...place, ...chosen }) ?? guessedDraft(series, { ...place, ...chosen });
}

type Series = ReadonlyMap<string, readonly ReadonlyMap<string, string>[]>;
type Keys = Readonly<Record<string, unknown>>;

function presetDraft(series: Series, place: Keys): Draft | undefined {
  const fitting = Object.entries(PRESETS as Readonly<Record<string, Preset>>).filter(
    ([, { keys }]) =>
      keys.requests !== GENERIC && (series.get(keys.requests) ?? []).some((labels) => labels.has(keys.codeLabel)),
  );
  const [first, ...others] = fitting;
  if (!first) return undefined;
  const [name, { keys, sides, notes, requires }] = first;
  const own = series.get(keys.requests) ?? [];
  const label = keys.slotLabel ?? keys.versionLabel ?? 'version';
  const values = valuesOf(own, label);
  return {
    keys: { ...place, preset: name },
    notes: [
      `${keys.requests} is what the preset ${name} reads${others.length > 0 ? `; so do ${others.map(([other]) => other).join(', ')}` : ''}.`,
      sides,
      ...(keys.versionSelector || keys.join
        ? []
        : [
            `The label ${label} has ${values.length === 0 ? 'no values here' : `the values ${values.slice(0, 8).join(', ')}`}.`,
          ]),
      ...requires.map((key) => `Add ${key}.`),
      ...notes,
    ],
  };
}

function guessedDraft(series: Series, place: Keys): Draft {
  const counters = [...series].flatMap(([name, own]) => {
    if (!/_(total|count|rq|xx)$/.test(name) || !REQUESTS.test(name)) return [];
    const failed = failureIn(name, own, series);
    return failed ? [{ name, own, failed, score: scoreOf(name, own) }] : [];
  });
  const [best] = counters.sort((one, other) => other.score - one.score);
  if (!best)
    throw new Error(
      'nothing there looks like a counter of requests with a label for the HTTP status, a gRPC code or an outcome: name it in metrics.requests',
    );
  const { name, own, failed } = best;
  const sides = sidesIn(own, series);
  const latency = latencyIn(name, sides.label, series);
  const known = [failed.label, sides.label].flatMap((label) => label ?? []);
  const mixed = mixedLabels(own, known);
  return {
    keys: { ...place, requests: name, ...failed.keys, ...sides.keys, ...(latency && { latency: latency.key }) },
    ...(latency && { slowAboveMs: latency.slowAboveMs }),
    notes: [
      failed.note,
      sides.note,
      latency?.note ?? 'Nothing there looks like a histogram of durations, so slow requests cannot be counted.',
      ...mixed.map(
        ({ label, values }) => `${label} has the values ${values.slice(0, 8).join(', ')}: select one in selector.`,
      ),
      ...(counters.length > 1
        ? [
            `Other counters: ${counters
              .slice(1, 6)
              .map((one) => one.name)
              .join(', ')}.`,
          ]
        : []),
    ],
  };
}

interface FailureGuess {
  readonly label?: string;
  readonly keys: Keys;
  readonly note: string;
}

function failureIn(
  name: string,
  own: readonly ReadonlyMap<string, string>[],
  series: Series,
): FailureGuess | undefined {
  for (const label of labelsOf(own)) {
    const values = valuesOf(own, label);
    for (const rule of ['status', 'grpc'] as const) {
      const { knows } = failureRule(rule);
      // Numbers and "ok" alone may mean anything.
      const isVague =
        rule === 'grpc' && values.every((value) => /^(\d+|ok)$/i.test(value)) && !/rpc/.test(label + name);
      if (isVague || !values.some(knows) || !values.every((value) => knows(value) || meansNoAnswer(value))) continue;
      return {
        label,
        keys: { codeLabel: label, ...(rule === 'grpc' && { failed: 'grpc' }) },
        note: `${label} holds ${rule === 'grpc' ? 'gRPC codes' : 'HTTP statuses'}: ${values.slice(0, 8).join(', ')}.`,
      };
    }
    const good = values.filter((value) => /^(success|ok|true|answered|completed|2)$/i.test(value));
    if (good.length === 0) continue;
    return {
      label,
      keys: { codeLabel: label, failed: { answered: good } },
      note: `${label} is ${good.join(' or ')} for answered requests; all other values (${
        values
          .filter((value) => !good.includes(value))
          .slice(0, 6)
          .join(', ') || 'none yet'
      }) would count as failed.`,
    };
  }
  const stem = name.replace(/_total$|_count$/, '');
  const second = [`${stem}_failed_total`, `${stem}_failures_total`, `${stem}_errors_total`].find((other) =>
    series.has(other),
  );
  return second === undefined
    ? undefined
    : { keys: { failed: { counter: second } }, note: `${second} counts the failed requests.` };
}

function sidesIn(own: readonly ReadonlyMap<string, string>[], series: Series): FailureGuess {
  const isVersion = (label: string) => VERSION_LABELS.test(label) && !NO_VERSION.test(label);
  const [label] = labelsOf(own)
    .filter(isVersion)
    .sort((one, other) => rankOf(one) - rankOf(other));
  if (label !== undefined)
    return {
      label,
      keys: label === 'version' ? {} : { versionLabel: label },
      note: `${label} holds the version: ${valuesOf(own, label).slice(0, 6).join(', ')}.`,
    };
  for (const [info, infos] of series) {
    if (!/_info$|_labels$/.test(info)) continue;
    const version = labelsOf(infos).find(isVersion);
    const on = labelsOf(infos).filter((name) =>
      valuesOf(own, name).some((value) => valuesOf(infos, name).includes(value)),
    );
    const instance = on.filter((name) => ['namespace', 'pod', 'job', 'instance'].includes(name));
    if (version === undefined || on.length === 0) continue;
    return {
      label: version,
      keys: { versionLabel: version, join: { metric: info, on: instance.length > 0 ? instance : on.slice(0, 1) } },
      note: `${info} has the version, in ${version}: ${valuesOf(infos, version).slice(0, 6).join(', ')}.`,
    };
  }
  const slot = SLOT_LABELS.find((name) => valuesOf(own, name).length > 1);
  if (slot !== undefined)
    return {
      label: slot,
      keys: { slotLabel: slot },
      note: `No label holds a version. ${slot} may hold two slots that take turns: ${valuesOf(own, slot).slice(0, 8).join(', ')}. Let router.status print them.`,
    };
  const pods = valuesOf(own, 'pod');
  if (pods[0] !== undefined)
    return {
      label: 'pod',
      keys: { versionSelector: `{pod=~"NAME-{version}-.*"}` },
      note: `No label holds a version. If the names of pods do (${pods[0]}), write the pattern.`,
    };
  return { keys: {}, note: 'Nothing there distinguishes two versions: add a label, or count at a router.' };
}

function rankOf(label: string): number {
  const order = ['version', 'app_version', 'service_version', 'destination_version'];
  const index = order.indexOf(label);
  return index === -1 ? order.length : index;
}

function latencyIn(requests: string, label: string | undefined, series: Series) {
  const stem = requests.replace(/_(total|count)$/, '');
  const names = [...series.keys()].flatMap((name) =>
    name.endsWith('_bucket') ? [name.slice(0, -'_bucket'.length)] : [],
  );
  const score = (name: string) =>
    (name === stem ? 4 : 0) +
    (DURATION.test(name) ? 2 : 0) +
    (label !== undefined && (series.get(`${name}_bucket`) ?? []).some((labels) => labels.has(label)) ? 2 : 0) +
    (name.split('_')[0] === requests.split('_')[0] ? 1 : 0);
  const [metric] = names.filter((name) => DURATION.test(name)).sort((one, other) => score(other) - score(one));
  if (metric === undefined) return undefined;
  const ends = valuesOf(series.get(`${metric}_bucket`) ?? [], 'le')
    .map(Number)
    .filter(Number.isFinite);
  const isNamed = /(milliseconds|millis|_ms|seconds)$/.test(metric);
  const isMilliseconds = !isNamed && Math.max(...ends) > LATEST_SECONDS;
  const inMs = ends.map((end) => (1_000 * end) / unitsPerSecond(metric, isMilliseconds ? 'milliseconds' : undefined));
  const slowAboveMs = Math.min(...inMs.filter((end) => end >= USUAL_LIMIT_MS), Math.max(...inMs));
  return {
    key: isMilliseconds ? { metric, unit: 'milliseconds' } : metric,
    slowAboveMs,
    note: `${metric} has buckets from ${Math.min(...ends)} to ${Math.max(...ends)}${isMilliseconds ? ', which look like milliseconds' : ''}. limits.latency.under should be one of their ends.`,
  };
}

function scoreOf(name: string, own: readonly ReadonlyMap<string, string>[]): number {
  return (
    (name.endsWith('_total') ? 2 : 0) +
    (/request|response/.test(name) ? 2 : 0) +
    (/http|grpc/.test(name) ? 1 : 0) +
    Math.min(1, own.length / 10)
  );
}

function labelsOf(own: readonly ReadonlyMap<string, string>[]): string[] {
  return [...new Set(own.flatMap((labels) => [...labels.keys()]))].filter((label) => label !== 'le');
}

function valuesOf(own: readonly ReadonlyMap<string, string>[], label: string): string[] {
  return [...new Set(own.flatMap((labels) => labels.get(label) ?? []))].sort();
}
