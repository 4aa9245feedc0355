import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { draftMetrics, PRESETS, type Preset } from '../../metrics/index.ts';
import {
  addCounts,
  apartMs,
  type MetricReading,
  type MetricSource,
  type MetricsContext,
  NO_COUNTS,
  type Registry,
  type Router,
  readSlots,
} from '../../plugin/index.ts';
import { loadRunbook, type Runbook, RunbookError, toLimits } from '../../runbook/index.ts';
import { messageOf } from '../../util/index.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { matchersIn } from '../history-config.ts';
import { withExample } from '../options.ts';
import { loadKinds } from '../registry.ts';
import { type Inspected, renderInspection } from '../view/metrics.ts';
import { columns, paintFor, print, printError, printJson, printLines, sanitize } from '../view/output.ts';

interface InspectOptions {
  readonly runbook?: string;
  readonly url?: string;
  readonly selector?: string;
  readonly blue?: string;
  readonly green?: string;
  readonly for: number;
  readonly json?: true;
}

const LONGEST_S = 600;
const log = { info: printError, warn: printError, error: printError };

export function addMetrics(command: Command): void {
  const inspect = command
    .command('inspect')
    .description(
      'Reads the metrics of a runbook, and shows what the watch would see: versions, requests a second, failed and slow requests, ' +
        'and what is wrong. With --url it drafts a metrics block for a page or a Prometheus. Needs no Temporal. Exit code 11: ' +
        'a deployment would be refused with these metrics.',
    )
    .option('--runbook <file>', 'the runbook')
    .option('--url <url>', 'a page in the text format of Prometheus, or a Prometheus', urlOf)
    .option('--selector <labels>', "with --url: labels of the service's series: 'job=\"shop\"'")
    .option('--blue <version>', 'the version that serves now (default: what the router says)')
    .option('--green <version>', 'the version to compare it with')
    .option('--for <seconds>', 'how long to count', secondsOf, 10)
    .option('--json', 'print JSON')
    .action(inspectMetrics);
  withExample(
    inspect,
    'metrics inspect --runbook runbooks/recommendation.yaml',
    'metrics inspect --url http://127.0.0.1:9090 --selector \'job="shop"\'',
  );
  const presets = command
    .command('presets')
    .description('Lists the presets, which stand for the names and labels of well-known sources.')
    .option('--show <preset>', 'print the keys that a preset stands for, and what to watch out for')
    .action(({ show }: { readonly show?: string }) => showPresets(show));
  withExample(presets, 'metrics presets --show istio');
}

function urlOf(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('expected an http or https URL.');
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,3}$/.test(text) && seconds >= 1 && seconds <= LONGEST_S) return seconds;
  throw new InvalidArgumentError(`Expected whole seconds from 1 to ${LONGEST_S}.`);
}

function showPresets(name: string | undefined): void {
  const presets: Readonly<Record<string, Preset>> = PRESETS;
  if (name === undefined) {
    const width = Math.max(...Object.keys(presets).map(({ length }) => length));
    for (const [each, { about }] of Object.entries(presets)) print(`${each.padEnd(width)}  ${about}`);
    return;
  }
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (!preset)
    throw new CliError(
      EXIT.usage,
      `There is no preset ${JSON.stringify(name)}, expected one of ${Object.keys(presets).join(', ')}.`,
    );
  const { about, keys, sides, notes, requires } = preset;
  print(commented([about, sides, ...notes]));
  print(stringify({ metrics: { preset: name } }).trimEnd());
  print(
    commented([
      'It stands for:',
      ...stringify(keys, { lineWidth: 0 })
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    ]),
  );
  if (requires.length > 0) print(commented([`Add: ${requires.join(', ')}`]));
}

function commented(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}`).join('\n');
}

async function inspectMetrics(options: InspectOptions): Promise<void> {
  const registry = await loadKinds();
  const signal = new AbortController().signal; // each answer has its own bound
  try {
    const subject = await subjectOf(options, registry, signal);
    const inspected = sanitize(await inspectSubject(subject, options, registry, signal));
    if (options.json) printJson(inspected);
    else printLines(renderInspection(inspected, { paint: paintFor(), width: Math.min(120, columns()) }));
    if (inspected.problems.length > 0) process.exitCode = EXIT.refused;
  } catch (error) {
    if (error instanceof RunbookError) throw new CliError(EXIT.usage, error.message, { cause: error });
    if (error instanceof CliError) throw error;
    const why = messageOf(error);
    throw new CliError(EXIT.unreachable, `The metrics cannot be read: ${why}.`, { cause: error });
  }
}

/** What is read: the metrics of a runbook, or those that were drafted. */
interface Subject {
  readonly runbook?: Runbook;
  readonly metrics: Runbook['metrics'];
  readonly context: Omit<MetricsContext, 'compared' | 'slots'>;
  readonly router?: Router;
}

async function subjectOf(
  { runbook: file, url, selector }: InspectOptions,
  registry: Registry,
  signal: AbortSignal,
): Promise<Subject> {
  if ((file === undefined) === (url === undefined))
    throw new CliError(EXIT.usage, 'Say what to read, with --runbook FILE or --url URL.');
  const target = { deployment: '', service: '', environment: '', blue: '', green: '', digest: '' };
  if (file !== undefined) {
    const runbook = await loadRunbook(file, registry.format);
    const { service, environment, metrics, limits } = runbook;
    const own = { target: { ...target, service, environment }, env: process.env, log };
    return {
      runbook,
      metrics,
      context: { ...own, limits: toLimits(limits) },
      router: registry.router(runbook.router, { ...own, runbook }),
    };
  }
  const matchers = selector === undefined ? [] : matchersIn(selector);
  const { keys, notes, slowAboveMs } = await draftMetrics(url ?? '', { selector: matchers, signal });
  print(commented(notes));
  print(stringify({ metrics: keys }, { lineWidth: 0 }).trimEnd());
  print('');
  return {
    metrics: registry.format.metrics.parse(keys),
    context: {
      target,
      env: process.env,
      log,
      limits: { errorRate: 1, ...(slowAboveMs !== undefined && { latency: { quantile: 0.95, underMs: slowAboveMs } }) },
    },
  };
}

/** Which versions the options and the router say are blue and green, and what a person should know about that. */
async function rolesOf({ router }: Subject, options: InspectOptions, signal: AbortSignal) {
  const notes: string[] = [];
  const shares = await router?.readTraffic({ signal, heartbeat() {} }).catch((error: unknown) => {
    notes.push(`The router could not be asked for the traffic: ${messageOf(error)}.`);
  });
  const serving = Object.entries(shares ?? {}).sort(([, one], [, other]) => other - one);
  const blue = options.blue ?? serving[0]?.[0];
  const green = options.green ?? serving.find(([version]) => version !== blue)?.[0];
  return { blue, green, notes };
}

async function inspectSubject(
  subject: Subject,
  options: InspectOptions,
  registry: Registry,
  signal: AbortSignal,
): Promise<Inspected> {
  const { metrics, context, router, runbook } = subject;
  const { blue, green, notes } = await rolesOf(subject, options, signal);
  if (blue === undefined && 'versionSelector' in metrics)
    throw new CliError(EXIT.usage, 'Say which version serves with --blue VERSION: metrics.versionSelector needs it.');
  const sourceFor = (compared: { readonly blue: string; readonly green: string }, slots?: MetricsContext['slots']) =>
    registry.metrics(metrics, { ...context, compared, ...(slots && { slots }) });
  const compared = blue === undefined ? undefined : { blue, green: green ?? blue };
  const source = compared
    ? sourceFor(compared, router && (() => readSlots(router, compared, { greenIsUp: true, signal })))
    : registry.metrics(metrics, context);

  const first = await readOnce(source, null, signal);
  await sleep(Math.max(options.for * 1_000, apartMs(source)));
  const second = await readOnce(source, first.cursor, signal);
  const { intervals, series = {}, slowAbove = [], facts = [] } = second;
  const counted = intervals.flatMap(({ counts }) => Object.keys(counts));
  const known = [...new Set([...Object.values(series).map(({ version }) => version), ...counted])];
  const countsOf = (version: string) =>
    intervals.reduce((sum, { counts }) => addCounts(sum, counts[version] ?? NO_COUNTS), NO_COUNTS);

  const problems = [...(second.problems ?? [])];
  const [busiest] = [...known].sort((one, other) => countsOf(other).requests - countsOf(one).requests);
  if (busiest === undefined && problems.length === 0) problems.push(NO_VERSION);
  if (!compared && busiest !== undefined) {
    const alone = sourceFor({ blue: busiest, green: busiest }, () => Promise.resolve({ [busiest]: busiest }));
    problems.push(...((await readOnce(alone, null, signal)).problems ?? []));
    notes.push(
      `It is not known which version serves${runbook ? ' (router.status, or --blue VERSION, would say it)' : ''}. ${busiest}, which gets ` +
        'most requests, was taken for blue.',
    );
  }
  return {
    kind: metrics.kind,
    ...(runbook && { service: runbook.service, environment: runbook.environment }),
    spanMs: second.cursor.at - first.cursor.at,
    ageMs: Date.now() - second.cursor.at,
    measuresLatency: source.measuresLatency && context.limits.latency !== undefined,
    versions: known.map((version) => ({
      version,
      ...(version === blue ? { role: 'blue' as const } : version === green ? { role: 'green' as const } : {}),
      counts: countsOf(version),
      slowAboveS: slowAbove.filter((one) => one.version === version).map(({ seconds }) => seconds),
      facts: facts.filter((one) => one.version === version).map(({ what, is }) => ({ what, is })),
    })),
    problems,
    notes,
  };
}

const NO_VERSION = {
  found: 'the metrics know no version at all',
  unblock: 'see that the service gets requests, or correct where the metrics are read and how versions are found',
};

type Known = MetricReading & Partial<Awaited<ReturnType<NonNullable<MetricSource['inspect']>>>>;

async function readOnce(
  source: MetricSource,
  since: MetricReading['cursor'] | null,
  signal: AbortSignal,
): Promise<Known> {
  return source.inspect ? source.inspect(since, signal) : source.read(since, signal);
}
