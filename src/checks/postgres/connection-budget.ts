import type { EvidenceLine } from '../../domain/index.ts';
import type { Connections } from './connections.ts';
import { roleText, sessionsByLogin } from './roles.ts';
import type { Roles } from './schema.ts';
import { identifier } from './session.ts';

/** Pools of the instances of a version, or of a pooler that both versions share. */
export interface Pool {
  readonly name: 'blue' | 'green' | 'the pooler';
  readonly instances: number;
  /** Connections of one instance. */
  readonly size: number;
  /** It may have connections open now. */
  readonly isUp: boolean;
  /** Where its size is from. */
  readonly source: string;
}

/** What has to find room in the server at once. */
export interface Demand {
  /** As the runbook calls the database. */
  readonly database: string;
  readonly role: Roles;
  /** What the service opens in the server: both versions' pools, or those of their pooler. */
  readonly pools: readonly Pool[];
  /** What the service's logins hold open besides these pools: its jobs, a forgotten instance. */
  readonly beyond: number;
  /** Slots that a managed service keeps and PostgreSQL does not show. */
  readonly providerReserved: number;
  /** Connections to spare beyond everything counted. */
  readonly headroom: number;
}

export interface Limit {
  readonly what: string;
  readonly limit: number;
  readonly required: number;
  readonly remedy: string;
  /** Where the limit was read, if not in the database. */
  readonly source?: string;
}

/** Whether everything fits at the same time, next to everybody else. */
export interface Fit {
  /** The limit with the least room. */
  readonly tightest: Limit;
  /** The limits that do not suffice. */
  readonly short: readonly Limit[];
  /** The sum, line by line. */
  readonly lines: readonly EvidenceLine[];
}

/** Both versions' pools, each with connections of its own. */
export function versionPools(
  { blue, green }: Readonly<Record<'blue' | 'green', Pick<Pool, 'instances' | 'size'>>>,
  { greenIsUp }: { readonly greenIsUp: boolean },
): readonly [Pool, Pool] {
  return [
    { name: 'blue', ...blue, isUp: true, source: 'runbook' },
    { name: 'green', ...green, isUp: greenIsUp, source: 'runbook' },
  ];
}

/** How many sessions of the service no pool that is up now accounts for. */
export function unaccountedConnections(pools: readonly Pool[], { ofRole }: Pick<Connections, 'ofRole'>): number {
  return Math.max(0, ofRole - connectionsOf(pools.filter(({ isUp }) => isUp)));
}

export function connectionsOf(pools: readonly Pick<Pool, 'instances' | 'size'>[]): number {
  return pools.reduce((sum, { instances, size }) => sum + instances * size, 0);
}

/** Pure. Compares with the tightest of max_connections and the limits of the database and the logins. */
export function fitOf(demand: Demand, found: Connections, further: readonly Limit[] = []): Fit {
  const { database, role, pools, beyond, providerReserved, headroom } = demand;
  const source = `database ${database}`;
  const service = connectionsOf(pools) + beyond;
  const reserved = Object.values(found.reserved).reduce((sum, slots) => sum + slots, providerReserved);
  const server = serverLimit(found, service + found.others + reserved + headroom);
  const limits = [server, ...databaseLimit(found, service), ...loginLimit(demand, found, service), ...further];

  const lines: EvidenceLine[] = [
    ...pools.map((pool) => ({ what: poolsOf(pool), measured: sumOf(pool), source: pool.source })),
    { what: `open as ${roleText(role)} beyond the pools`, measured: `${beyond} (${openNow(found)})`, source },
    { what: 'open by others', measured: found.others === 0 ? '0' : `${found.others} (${found.whoOthersAre})`, source },
    { what: 'reserved for administrators', measured: reservedBy(found), source },
    ...(providerReserved > 0
      ? [{ what: 'reserved by the provider', measured: String(providerReserved), source: 'runbook' }]
      : []),
    { what: 'headroom', measured: String(headroom), source: 'runbook' },
    ...limits.map(({ what, limit, required, source: ofLimit = source }) => ({
      what,
      measured: String(limit),
      required: `at least ${required}`,
      source: ofLimit,
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

function poolsOf({ name }: Pool): string {
  return name === 'the pooler' ? "the pooler's server connections, both versions together" : `${name}'s pools`;
}

export function sumOf(pool: Pool): string {
  return `${pool.instances} x ${pool.size} = ${connectionsOf([pool])}`;
}

function openNow({ ofRole, logins }: Connections): string {
  return `${ofRole} open in all${ofRole === 0 ? '' : `: ${sessionsByLogin(logins)}`}`;
}

function reservedBy({ reserved }: Connections): string {
  const settings = Object.entries(reserved).filter(([, slots]) => slots > 0);
  return settings.length === 0 ? '0' : settings.map(([setting, slots]) => `${slots} (${setting})`).join(' + ');
}

function databaseLimit(found: Connections, service: number): Limit[] {
  if (found.databaseLimit < 0) return [];
  const required = service + found.othersInDatabase;
  return [
    {
      what: 'connection limit of the database',
      limit: found.databaseLimit,
      required,
      remedy: `raise it: ALTER DATABASE ${identifier(found.databaseName)} CONNECTION LIMIT ${required}`,
    },
  ];
}

/**
 * The smallest limit of a login. It has to hold the whole service, unless every instance connects with a login of its own,
 * which shows in the sessions: as many logins as blue has instances, none with more sessions than one pool has.
 */
function loginLimit({ pools, role }: Demand, { logins }: Connections, service: number): Limit[] {
  const inUse = logins.filter(({ sessions }) => sessions > 0);
  const largest = Math.max(...pools.map(({ size }) => size));
  const oneForEach =
    inUse.length > 1 &&
    inUse.length >= (pools[0]?.instances ?? 0) &&
    inUse.every(({ sessions }) => sessions <= largest);
  const required = oneForEach ? largest : service;
  const relevant = logins.filter(({ sessions, named }) => sessions > 0 || named);
  const [tightest, ...rest] = (relevant.length > 0 ? relevant : logins)
    .filter(({ limit }) => limit >= 0)
    .toSorted((a, b) => a.limit - b.limit);
  if (!tightest) return [];
  const likewise = rest.some(({ limit }) => limit < required)
    ? `, and likewise for the other logins of ${roleText(role)}`
    : '';
  const atItsSource = tightest.named ? '' : ', and in the statement that creates such logins';
  return [
    {
      what: `connection limit of the role ${tightest.name}`,
      limit: tightest.limit,
      required,
      remedy: `raise it: ALTER ROLE ${identifier(tightest.name)} CONNECTION LIMIT ${required}${likewise}${atItsSource}`,
    },
  ];
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
