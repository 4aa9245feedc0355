import { databaseUrl, withSession } from '../checks/index.ts';
import type { KindContext, MetricSource, Observation, Registry, Router } from '../plugin/index.ts';
import { findingOf, readSlots } from '../plugin/index.ts';
import { fillPlaceholders, findPrograms } from '../processes/index.ts';
import { connect, instantValue } from '../prometheus/index.ts';
import { type Runbook, toLimits } from '../runbook/index.ts';
import { errorCode, messageOf, readVariable, redact, shortList } from '../util/index.ts';
import { connectTo } from './address.ts';
import { namedThings } from './named-things.ts';

/** One thing that a runbook needs, as it is on this machine. */
interface Probe {
  /** The key of the runbook: `metrics.url`. */
  readonly what: string;
  readonly isOk: boolean;
  readonly found: string;
  /** What to do, where something is wrong. */
  readonly unblock?: string;
}

/** The longest that one probe takes. */
const TIMEOUT_MS = 15_000;

type Found = string | { readonly found: string; readonly unblock: string };

/**
 * Whether this machine has what the runbook names: programs, variables, addresses, databases, metrics, and the router's
 * status. Only reads: nothing is deployed, shifted or sent. Texts hold no secret and no address.
 * @param blue the version that serves, where the router cannot say it
 */
export async function probeRunbook(
  runbook: Runbook,
  { registry, env, blue: given }: { registry: Registry; env: NodeJS.ProcessEnv; blue?: string | undefined },
): Promise<readonly Probe[]> {
  const log = { info() {}, warn() {}, error() {} };
  const { service, environment } = runbook;
  const target = { deployment: '', service, environment, blue: given ?? '', green: given ?? '', digest: '' };
  const router = registry.router(runbook.router, { target, env, log, runbook });
  const { traffic, blue = given } = await probeTraffic(router);
  const context = { target: { ...target, blue: blue ?? '', green: blue ?? '' }, env, log, runbook };

  const workload = registry.workload(runbook.workload, context);
  const notifiers = registry.notifiers(runbook.notifications, context);
  const { variables, addresses, programs } = namedThings(runbook);
  const source = metricsOf(runbook, { registry, context, router, blue });
  const all = await Promise.all([
    observed('workload', async (signal) => workload.preflight?.({ signal, heartbeat() {} }, { greenIsUp: false })),
    observed('router', async (signal) => router.preflight?.({ signal, heartbeat() {} })),
    ...notifiers.map((notifier) =>
      observed(notifier.name, async () => ({ evidence: [], problems: (await notifier.preflight?.()) ?? [] })),
    ),
    ...programs.map(({ key, program }) =>
      observed(key, () => findPrograms([{ key, program: fill(program, context) }], { key, names: [] })),
    ),
    ...variables.map(({ key, name }) => probe(`${key} (${name})`, (signal) => probeVariable(env, name, signal))),
    ...addresses.map(({ key, url, caFile }) =>
      probe(key, (signal) => probeAddress(fill(url, context, encodeURIComponent), caFile, signal)),
    ),
    ...Object.keys(runbook.databases).map((name) =>
      probe(`databases.${name}`, (signal) => probeDatabase(runbook, { name, env, signal })),
    ),
    probe('metrics', (signal) => probeMetrics(source, signal)),
    ...(runbook.analysis ?? []).flatMap((entry) =>
      entry.kind === 'query' ? [probe(`analysis[${entry.name}]`, (signal) => probeQuery(entry, context, signal))] : [],
    ),
    ...(blue === undefined
      ? []
      : [
          probe('workload health of blue', async (signal) => {
            const [line] = await workload.checkHealth(blue, { signal, heartbeat() {} });
            return `${blue}: ${line?.measured ?? 'healthy'}`;
          }),
        ]),
  ]);
  return [traffic, ...all].map((one) => ({
    ...one,
    found: redact(one.found, env),
    ...(one.unblock !== undefined && { unblock: redact(one.unblock, env) }),
  }));
}

async function probeTraffic(router: Router): Promise<{ traffic: Probe; blue?: string }> {
  let blue: string | undefined;
  const traffic = await probe('router status', async (signal) => {
    const shares = await router.readTraffic({ signal, heartbeat() {} });
    if (!shares) return 'the router reports no traffic: it is read from the metrics';
    const [[busiest] = []] = Object.entries(shares).sort(([, one], [, other]) => other - one);
    blue = busiest;
    const text = Object.entries(shares).map(([version, share]) => `${version} ${share} %`);
    return text.length > 0 ? text.join(', ') : problem('no version gets traffic', 'let blue serve before you deploy');
  });
  return { traffic, ...(blue !== undefined && { blue }) };
}

function metricsOf(
  { metrics, limits }: Runbook,
  {
    registry,
    context,
    router,
    blue,
  }: { registry: Registry; context: KindContext; router: Router; blue?: string | undefined },
): MetricSource {
  const compared = blue === undefined ? undefined : { blue, green: blue };
  return registry.metrics(metrics, {
    ...context,
    limits: toLimits(limits),
    ...(compared && {
      compared,
      slots: (signal) => readSlots(router, compared, { greenIsUp: false, signal }),
    }),
  });
}

async function probeMetrics(source: MetricSource, signal: AbortSignal): Promise<Found> {
  if (!source.inspect) {
    await source.read(null, signal);
    return 'they can be read';
  }
  const { problems, series } = await source.inspect(null, signal);
  const { passed, summary, unblock = '' } = findingOf([{ evidence: [], problems }], '');
  if (!passed) return problem(summary, unblock);
  const versions = [...new Set(Object.values(series).map(({ version }) => version))];
  return versions.length > 0
    ? `versions ${shortList(versions)}`
    : problem('they know no version', 'see that the service gets requests, or run `bluegreen metrics inspect`');
}

async function probeQuery(
  { query, ...config }: Extract<NonNullable<Runbook['analysis']>[number], { kind: 'query' }>,
  context: KindContext,
  signal: AbortSignal,
): Promise<Found> {
  const server = await connect('Prometheus', { ...config, url: config.url ?? '' }, context.env);
  const value = await instantValue(server, fill(query, context), signal);
  return value === null
    ? problem('the query has no value now', 'correct the query, or see that its series are there')
    : String(value);
}

async function probeDatabase(
  { databases }: Runbook,
  { name, env, signal }: { name: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Found> {
  const url = databaseUrl(databases, name, env);
  // Only kinds of plugins use another one.
  if (/^(?!postgres(?:ql)?:)[a-z][a-z0-9+.-]*:\/\//i.test(url) && URL.canParse(url))
    return new URL(url).port === '' ? 'it is set' : probeAddress(url, undefined, signal);
  const address = { database: name, url, caFile: databases[name]?.caFile, env };
  const session = { ...address, access: 'read-only' as const, statementTimeoutMs: TIMEOUT_MS, signal };
  const { passed, summary, unblock } = await withSession(session, async (client) => {
    await client.query('SELECT 1');
    return { passed: true, summary: 'it answers', evidence: [] };
  });
  return passed ? summary : problem(summary, unblock ?? '');
}

/** A secret address is connected to as well: that sends nothing. */
async function probeVariable(env: NodeJS.ProcessEnv, name: string, signal: AbortSignal): Promise<Found> {
  const value = readVariable(env, name);
  if (value === undefined)
    return problem('it is not set', `set ${name}, or ${name}_FILE to a file that holds its value`);
  const isAddress = /^https?:\/\//i.test(value) && URL.canParse(value);
  return isAddress ? probeAddress(value, undefined, signal) : 'it is set';
}

async function probeAddress(url: string, caFile: string | undefined, signal: AbortSignal): Promise<Found> {
  try {
    await connectTo(url, caFile, signal);
    return 'it can be reached';
  } catch (error) {
    const why = errorCode(error) ?? 'no answer in time';
    return problem(`it cannot be reached (${why})`, 'start what should answer there, or correct the address');
  }
}

/** A preflight of a port: each of its problems is one. */
async function observed(what: string, look: (signal: AbortSignal) => Promise<Observation | undefined>): Promise<Probe> {
  return probe(what, async (signal) => {
    const observation = (await look(signal)) ?? { evidence: [], problems: [] };
    const { passed, evidence, summary, unblock = '' } = findingOf([observation], '');
    if (!passed) return problem(summary, unblock);
    return evidence.map(({ what: line, measured }) => `${line} ${measured}`).join(', ') || 'ready';
  });
}

async function probe(what: string, look: (signal: AbortSignal) => Promise<Found>): Promise<Probe> {
  try {
    const found = await look(AbortSignal.timeout(TIMEOUT_MS));
    return typeof found === 'string' ? { what, isOk: true, found } : { what, isOk: false, ...found };
  } catch (error) {
    const found = messageOf(error);
    return { what, isOk: false, found, unblock: `fix the cause, or correct ${what.split(' ')[0]} in the runbook` };
  }
}

function problem(found: string, unblock: string): Found {
  return { found, unblock };
}

/** Blue stands for both versions: there is no green yet. */
function fill(text: string, { target }: KindContext, encode: (value: string) => string = (value) => value): string {
  const { service, environment, blue } = target;
  const values = { service, environment, blue, version: blue, percentage: '0' };
  const encoded = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encode(value)]));
  return fillPlaceholders([text], encoded)[0] ?? '';
}
