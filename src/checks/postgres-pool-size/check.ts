import type { EvidenceLine } from '../../domain/index.ts';
import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { fitOf, type Pool, unaccountedConnections, versionPools } from '../postgres/connection-budget.ts';
import { explainMismatch, roleHint, withConnections } from '../postgres/connection-findings.ts';
import { type Connections, measureConnections } from '../postgres/connections.ts';
import { type ConnectionHoldTime, connectionHoldTime } from './connection-hold-time.ts';
import { type Config, schema } from './schema.ts';

export const postgresPoolSize = checkKind({
  kind: 'postgres-pool-size',
  summary: 'The connection pools carry the peak load and fit into the server.',
  schema,
  databases: ({ database }) => [{ path: ['database'], database }],
  create,
});

/** `100 / 2 * 0.02 * 2` is a little more than 2 in binary fractions. */
const TOLERANCE = 1e-9;

/**
 * Every instance's pool carries its share of the peak, with the whole traffic on green, and on blue after a rollback.
 * Too large a pool fails only where both versions' pools do not fit into the server.
 */
function create(config: Config): Check {
  return (context) => {
    const { database, role } = config;
    const { signal, heartbeat } = context.run;
    heartbeat({ doing: 'counting connections' });
    return withConnections({ database, url: context.databaseUrl(database), signal }, async (client) => {
      const found = await measureConnections(client, role);
      const wrong = explainMismatch(found, config);
      if (wrong) return wrong;
      const hold = await connectionHoldTime(config, context, { client, found });
      return 'passed' in hold ? hold : judge(config, { hold, found, pools: versionPools(config, context) });
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
  readonly pools: readonly Pool[];
}

interface Judged extends Pool {
  readonly needed: number;
}

function judge(config: Config, { hold, found, pools }: Measured): Finding {
  const both = pools.map((pool): Judged => {
    return { ...pool, needed: neededSize(config, { instances: pool.instances, holdMs: hold.ms }) };
  });
  const beyond = unaccountedConnections(pools, found);
  const { providerReserved = 0 } = config;
  const fitWith = (sizeOf: (each: Judged) => number) =>
    fitOf(
      {
        ...config,
        pools: both.map((each) => ({ ...each, size: sizeOf(each) })),
        beyond,
        providerReserved,
        headroom: 0,
      },
      found,
    );
  const small = both.filter(({ size, needed }) => size < needed);
  const fit = fitWith(({ size, needed }) => Math.max(size, needed));
  const smallest = fitWith(({ needed }) => needed);

  const evidence: EvidenceLine[] = [
    { what: 'peak', measured: `${config.peakRequests} requests/s`, source: 'runbook' },
    hold.line,
    { what: 'margin', measured: `${config.margin} times the connections in use on average`, source: 'runbook' },
    ...both.map(sizeLine),
    ...fit.lines,
  ];
  const rate = `${config.peakRequests} requests/s`;
  const { what, limit, required } = fit.tightest;
  if (small.length === 0 && fit.short.length === 0)
    return {
      passed: true,
      summary: `the pools carry ${rate} (${both.map(described).join(', ')}), and both versions' fit: ${what} is ${limit}, ${required} are needed`,
      evidence,
    };
  const wrong = small.map(({ name, size, needed }) => `${name}'s pool of ${size} is too small, ${needed} are needed`);
  const todo = small.map(
    ({ name, needed }) =>
      `set ${name}'s pool to ${needed} connections for each instance, in the service and in the runbook, or run more instances`,
  );
  if (fit.short.length > 0) {
    wrong.push(`both versions' pools do not fit: ${what} is ${limit}, ${required} are needed`);
    if (smallest.short.length === 0)
      todo.push(
        `make the pools smaller: ${both.map(({ name, needed }) => `${name} needs ${needed}`).join(', ')} for each instance`,
      );
    else todo.push(...roleHint(found, config), ...smallest.short.map((each) => `${each.what}: ${each.remedy}`));
  }
  return { passed: false, summary: `at ${rate}: ${wrong.join('; ')}`, evidence, unblock: todo.join('; ') };
}

function sizeLine({ name, size, needed }: Judged): EvidenceLine {
  const note = size > needed ? ', more than it needs' : '';
  return {
    what: `${name}'s pool of each instance`,
    measured: `${size}${note}`,
    required: `at least ${needed}`,
    source: 'runbook',
  };
}

function described({ name, size, needed }: Judged): string {
  return `${name} needs ${needed} for each instance and has ${size}`;
}
