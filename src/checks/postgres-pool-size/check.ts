import type { EvidenceLine } from '../../domain/index.ts';
import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { fitOf, type Pool, unaccountedConnections, versionPools } from '../postgres/connection-budget.ts';
import { explainMismatch, runbookHints, withConnections } from '../postgres/connection-findings.ts';
import { type Connections, measureConnections } from '../postgres/connections.ts';
import { measurePooler, type Pooler } from '../postgres/pooler.ts';
import { databasesOf } from '../postgres/schema.ts';
import { addressOf } from '../postgres/session.ts';
import { type ConnectionHoldTime, connectionHoldTime } from './connection-hold-time.ts';
import { type Config, schema } from './schema.ts';

export const postgresPoolSize = checkKind({
  kind: 'postgres-pool-size',
  summary: 'The connection pools carry the peak load and fit into the server.',
  schema,
  databases: (config) => databasesOf(config),
  create,
});

/** `100 / 2 * 0.02 * 2` is a little more than 2 in binary fractions. */
const TOLERANCE = 1e-9;

/**
 * Every instance's pool carries its share of the peak, with the whole traffic on green, and on blue after a rollback;
 * and so does a pooler that both share. Too large a pool fails only where not everything fits into the server.
 */
function create(config: Config): Check {
  return (context) => {
    const { database, role } = config;
    const { signal, heartbeat } = context.run;
    heartbeat({ doing: 'counting connections' });
    return withConnections({ ...addressOf(context, database), signal }, async (client) => {
      const found = await measureConnections(client, role);
      const wrong = explainMismatch(found, config);
      if (wrong) return wrong;
      const versions = versionPools(config, context);
      const pooler = config.pooler && (await measurePooler(config.pooler, context, { found, versions }));
      if (pooler && 'passed' in pooler) return pooler;
      const hold = await connectionHoldTime(config, context, { client, found });
      return 'passed' in hold ? hold : judge(config, { hold, found, versions, pooler });
    });
  };
}

/**
 * The connections that an instance's pool needs: Little's law (J. D. C. Little, A Proof for the Queuing Formula L = λW,
 * 1961) gives how many are in use on average, and the margin covers that requests come in crowds. At least 1.
 */
export function neededSize(
  { peakRequests, margin }: { readonly peakRequests: number; readonly margin: number },
  { instances, holdMs }: { readonly instances: number; readonly holdMs: number },
): number {
  const inUse = (peakRequests / instances) * (holdMs / 1_000);
  return Math.max(1, Math.ceil(inUse * margin - TOLERANCE));
}

interface Measured {
  readonly hold: ConnectionHoldTime;
  readonly found: Connections;
  readonly versions: readonly Pool[];
  readonly pooler: Pooler | undefined;
}

interface Judged extends Pool {
  /** What the requests of one version can use of it. */
  readonly usable: number;
  readonly needed: number;
}

function judge(config: Config, { hold, found, versions, pooler }: Measured): Finding {
  const judged = (pool: Pool, usable = pool.size): Judged => {
    return { ...pool, usable, needed: neededSize(config, { instances: pool.instances, holdMs: hold.ms }) };
  };
  const ofVersions = versions.map((pool) => judged(pool));
  const inServer = pooler ? [judged(pooler.pool, pooler.usable)] : ofVersions;
  const all = pooler ? [...ofVersions, ...inServer] : ofVersions;
  const beyond = unaccountedConnections(inServer, found);
  const { providerReserved = 0 } = config;
  const fitWith = (sizeOf: (each: Judged) => number) => {
    const pools = inServer.map((each) => ({ ...each, size: sizeOf(each) }));
    return fitOf({ ...config, pools, beyond, providerReserved, headroom: 0 }, found, pooler?.limits);
  };
  const small = all.filter(({ usable, needed }) => usable < needed);
  const fit = fitWith(({ size, needed }) => Math.max(size, needed));
  const smallest = fitWith(({ needed }) => needed);

  const evidence: EvidenceLine[] = [
    { what: 'peak', measured: `${config.peakRequests} requests/s`, source: 'runbook' },
    hold.line,
    { what: 'margin', measured: `${config.margin} times the connections in use on average`, source: 'runbook' },
    ...all.map(sizeLine),
    ...(pooler?.lines ?? []),
    ...fit.lines,
  ];
  const rate = `${config.peakRequests} requests/s`;
  const { what, limit, required } = fit.tightest;
  const starved = waitingFor(pooler);
  if (small.length === 0 && fit.short.length === 0 && starved === undefined)
    return {
      passed: true,
      summary: `the pools carry ${rate} (${all.map(described).join(', ')}), and both versions' fit: ${what} is ${limit}, ${required} are needed`,
      evidence,
    };
  const wrong = small.map(
    ({ name, usable, needed }) => `${name}'s pool of ${usable} is too small, ${needed} are needed`,
  );
  const todo = small.map(
    ({ name, needed }) =>
      `set ${name}'s pool to ${needed} connections for each instance, ${PLACES[name]}, or run more instances`,
  );
  if (starved !== undefined) {
    wrong.push(starved);
    todo.push(
      'make the pooler\'s pool larger, or find who keeps its connections (SHOW SERVERS; sessions "idle in transaction")',
    );
  }
  if (fit.short.length > 0) {
    wrong.push(`both versions' pools do not fit: ${what} is ${limit}, ${required} are needed`);
    if (smallest.short.length === 0)
      todo.push(
        `make the pools smaller: ${inServer.map(({ name, needed }) => `${name} needs ${needed}`).join(', ')} for each instance`,
      );
    else
      todo.push(
        ...runbookHints(found, { ...config, pools: inServer }),
        ...smallest.short.map((each) => `${each.what}: ${each.remedy}`),
      );
  }
  return { passed: false, summary: `at ${rate}: ${wrong.join('; ')}`, evidence, unblock: todo.join('; ') };
}

/** Where the size of a pool is set. */
const PLACES = {
  blue: 'in the service and in the runbook',
  green: 'in the service and in the runbook',
  'the pooler': 'in the pooler (default_pool_size of PgBouncer)',
} as const satisfies Record<Pool['name'], string>;

/** Shorter waits come with any burst. */
const LONG_WAIT_MS = 1_000;

function waitingFor(pooler: Pooler | undefined): string | undefined {
  const { clients, longestMs } = pooler?.waiting ?? { clients: 0, longestMs: 0 };
  if (clients === 0 || longestMs < LONG_WAIT_MS) return undefined;
  return `clients that wait now for a connection of the pooler: ${clients}, the longest for ${(longestMs / 1_000).toFixed(1)} s`;
}

function sizeLine({ name, usable, needed, source }: Judged): EvidenceLine {
  const note = usable > needed ? ', more than it needs' : '';
  return {
    what: `${name}'s pool of each instance`,
    measured: `${usable}${note}`,
    required: `at least ${needed}`,
    source,
  };
}

function described({ name, usable, needed }: Judged): string {
  return `${name} needs ${needed} for each instance and has ${usable}`;
}
