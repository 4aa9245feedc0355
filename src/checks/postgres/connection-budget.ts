import type { EvidenceLine } from '../../domain/index.ts';
import type { Connections } from './connections.ts';
import { identifier } from './session.ts';

export interface Pool {
  readonly instances: number;
  /** Connections of one instance. */
  readonly size: number;
}

/** What has to find room in the server at once. */
export interface Demand {
  /** As the runbook calls the database. */
  readonly database: string;
  readonly role: string;
  readonly blue: Pool;
  readonly green: Pool;
  /** What the service's role holds open besides these pools: its jobs, a forgotten instance. */
  readonly beyond: number;
  /** Connections to spare beyond everything counted. */
  readonly headroom: number;
}

interface Limit {
  readonly what: string;
  readonly limit: number;
  readonly required: number;
  readonly remedy: string;
}

/** Whether both versions' pools fit at the same time, next to everybody else. */
export interface Fit {
  /** The limit with the least room. */
  readonly tightest: Limit;
  /** The limits that do not suffice. */
  readonly short: readonly Limit[];
  /** The sum, line by line. */
  readonly lines: readonly EvidenceLine[];
}

/** How many sessions of the service's role no pool of a version that runs now accounts for. */
export function unaccountedConnections(
  { blue, green }: Pick<Demand, 'blue' | 'green'>,
  { ofRole, greenIsUp }: { readonly ofRole: number; readonly greenIsUp: boolean },
): number {
  return Math.max(0, ofRole - connectionsOf(blue) - (greenIsUp ? connectionsOf(green) : 0));
}

function connectionsOf({ instances, size }: Pool): number {
  return instances * size;
}

/** Pure. Compares with the tightest of max_connections, the database's limit and the role's. */
export function fitOf({ database, role, blue, green, beyond, headroom }: Demand, found: Connections): Fit {
  const source = `database ${database}`;
  const service = connectionsOf(blue) + connectionsOf(green) + beyond;
  const server = serverLimit(found, service + found.others + found.reserved + headroom);
  const limits: Limit[] = [server];
  if (found.databaseLimit >= 0) {
    const required = service + found.othersInDatabase;
    limits.push({
      what: 'connection limit of the database',
      limit: found.databaseLimit,
      required,
      remedy: `raise it: ALTER DATABASE ${identifier(found.databaseName)} CONNECTION LIMIT ${required}`,
    });
  }
  if (found.roleLimit !== null && found.roleLimit >= 0 && !found.roleIsSuperuser)
    limits.push({
      what: `connection limit of the role ${role}`,
      limit: found.roleLimit,
      required: service,
      remedy: `raise it: ALTER ROLE ${identifier(role)} CONNECTION LIMIT ${service}`,
    });

  const lines: EvidenceLine[] = [
    { what: "blue's pools", measured: sumOf(blue), source: 'runbook' },
    { what: "green's pools", measured: sumOf(green), source: 'runbook' },
    { what: `open as ${role} beyond the pools`, measured: `${beyond} (${found.ofRole} open in all)`, source },
    { what: 'open by others', measured: found.others === 0 ? '0' : `${found.others} (${found.whoOthersAre})`, source },
    { what: 'reserved for administrators', measured: String(found.reserved), source },
    { what: 'headroom', measured: String(headroom), source: 'runbook' },
    ...limits.map(({ what, limit, required }) => ({
      what,
      measured: String(limit),
      required: `at least ${required}`,
      source,
    })),
  ];
  if (found.pendingRestart)
    lines.push({ what: 'max_connections', measured: 'another value is set, not in force until a restart', source });
  if (found.standby) lines.push({ what: 'server', measured: 'a standby: the primary has limits of its own', source });
  return {
    tightest: limits.reduce((a, b) => (b.limit - b.required < a.limit - a.required ? b : a), server),
    short: limits.filter(({ limit, required }) => limit < required),
    lines,
  };
}

function sumOf(pool: Pool): string {
  return `${pool.instances} x ${pool.size} = ${connectionsOf(pool)}`;
}

function serverLimit({ maxConnections, pendingRestart, standby, replicas }: Connections, required: number): Limit {
  const cut = "it cuts every connection, blue's too";
  // A standby stops replaying when its primary allows more connections than it does itself.
  const first = replicas > 0 && !standby ? `on its standbys first (connected now: ${replicas}), then here, ` : '';
  return {
    what: 'max_connections',
    limit: maxConnections,
    required,
    remedy: pendingRestart
      ? `another max_connections is set, not in force: restart PostgreSQL (${cut}); if it still fails then, at least ${required} is needed`
      : `raise max_connections ${first}to at least ${required} and restart PostgreSQL (${cut}), or make the pools smaller`,
  };
}
