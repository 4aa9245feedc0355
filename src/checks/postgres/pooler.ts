import type { EvidenceLine } from '../../domain/index.ts';
import type { CheckContext, Finding } from '../../plugin/index.ts';
import { connectionsOf, type Limit, type Pool, sumOf } from './connection-budget.ts';
import type { Connections } from './connections.ts';
import { type ClientPool, type Entry, type Pgbouncer, readPgbouncer } from './pgbouncer.ts';
import type { PoolerConfig } from './schema.ts';
import { addressOf } from './session.ts';

/** A pooler that both versions connect to. */
export interface Pooler {
  /** What it may open in PostgreSQL for both versions together. */
  readonly pool: Pool;
  /** The connections of one instance that the requests of one version can use. */
  readonly usable: number;
  /** Its own limits for the clients of both versions. */
  readonly limits: readonly Limit[];
  readonly lines: readonly EvidenceLine[];
  /** Clients that wait now for a server connection. */
  readonly waiting: { readonly clients: number; readonly longestMs: number };
}

/**
 * As the runbook says, or as its console says; a finding if that PgBouncer does not lead to the database. `versions` are its
 * clients.
 * @throws Error if the console cannot be asked.
 */
export async function measurePooler(
  config: PoolerConfig,
  context: CheckContext,
  { found, versions }: { readonly found: Connections; readonly versions: readonly Pool[] },
): Promise<Pooler | Finding> {
  const { instances } = config;
  const clients = { what: 'clients of the pooler', measured: clientSum(versions), source: 'runbook' };
  if ('serverConnections' in config) {
    const pool = {
      name: 'the pooler',
      instances,
      size: config.serverConnections,
      isUp: true,
      source: 'runbook',
    } as const;
    const waiting = { clients: 0, longestMs: 0 };
    return { pool, usable: pool.size, limits: [], lines: [clients], waiting };
  }
  context.run.heartbeat({ doing: 'asking the console of PgBouncer' });
  const { console } = config;
  const state = await readPgbouncer(addressOf(context, console), context.run.signal);
  const source = `database ${console}`;
  const entries = entriesOf(state, found);
  if (entries.length === 0) return elsewhere(state, { source, databaseName: found.databaseName });

  const sizes = entries.map((entry) => sizesOf(entry, state, found));
  const pool = { name: 'the pooler', instances, size: sum(sizes, ({ most }) => most), isUp: true, source } as const;
  const own = entries.flatMap((entry) => poolsOf(entry, state, found));
  const waiting = {
    clients: sum(own, (each) => each.waiting),
    longestMs: Math.max(0, ...own.map(({ longestWaitMs }) => longestWaitMs)),
  };
  const others = sum(state.pools, (each) => each.clients) - sum(own, (each) => each.clients);
  const needed = connectionsOf(versions);
  const perInstance = Math.ceil(needed / instances) + others;
  const limits: Limit[] = [
    {
      what: 'max_client_conn of PgBouncer',
      limit: state.maxClients,
      required: perInstance,
      remedy: `set max_client_conn = ${perInstance} in pgbouncer.ini and RELOAD, without restart`,
      source,
    },
  ];
  // A client keeps its server connection for as long as it is connected: green's clients would wait for blue's to leave.
  if (sizes.some(({ mode }) => mode === 'session'))
    limits.push({
      what: "PgBouncer's server connections, one for each client in pool_mode session",
      limit: connectionsOf([pool]),
      required: needed,
      remedy: `set pool_mode = transaction if the service keeps no state in its sessions, or default_pool_size = ${Math.ceil(needed / instances)}`,
      source,
    });
  const lines = [
    clients,
    ...sizes.map(({ line }) => ({ ...line, source })),
    { what: 'clients connected to PgBouncer now', measured: clientsNow(own, { waiting, others }), source },
  ];
  return { pool, usable: sum(sizes, ({ usable }) => usable), limits, lines, waiting };
}

/** Those of the database that the service's clients use; all of the database's if none is connected. */
function entriesOf(state: Pgbouncer, found: Connections): Entry[] {
  const toDatabase = state.entries.filter(({ database }) => database === found.databaseName);
  const used = toDatabase.filter((entry) => poolsOf(entry, state, found).length > 0);
  return used.length > 0 ? used : toDatabase;
}

function poolsOf({ name, forcedUser }: Entry, { pools }: Pgbouncer, { logins }: Connections): ClientPool[] {
  const isOwn = (user: string) => logins.some((login) => login.name === user);
  return pools.filter(({ entry, user }) => entry === name && isOwn(forcedUser ?? user));
}

/**
 * PgBouncer has a pool for each user. Logins that change bring new pools with green, as many as blue has now; a login that the
 * runbook names is shared by both versions.
 */
function sizesOf(entry: Entry, state: Pgbouncer, found: Connections) {
  const users = new Set(poolsOf(entry, state, found).map(({ user }) => user));
  const named = found.logins.filter((login) => login.named).map(({ name }) => name);
  const changing = [...users].filter((user) => !named.includes(user)).length;
  const forced = entry.forcedUser !== null;
  const atOnce = forced ? 1 : Math.max(1, named.length + 2 * changing);
  const ofOneVersion = forced ? 1 : Math.max(1, changing);
  const mode = poolsOf(entry, state, found)[0]?.poolMode ?? entry.poolMode ?? state.poolMode;
  const each = atMost(entry.poolSize + entry.reserve, state.maxUserConnections);
  const reserve = entry.reserve > 0 ? ` + ${entry.reserve} in reserve` : '';
  const limit = entry.maxConnections > 0 ? `, max_db_connections ${entry.maxConnections}` : '';
  return {
    mode,
    most: atMost(atOnce * each, entry.maxConnections),
    usable: atMost(ofOneVersion * atMost(entry.poolSize, state.maxUserConnections), entry.maxConnections),
    line: {
      what: `PgBouncer's pools of ${entry.name}`,
      measured: `${atOnce} x ${entry.poolSize}${reserve}${limit}, pool_mode ${mode}`,
    },
  };
}

/** 0 is no limit. */
function atMost(value: number, limit: number): number {
  return limit > 0 ? Math.min(value, limit) : value;
}

function sum<T>(list: readonly T[], valueOf: (each: T) => number): number {
  return list.reduce((total, each) => total + valueOf(each), 0);
}

function clientSum(versions: readonly Pool[]): string {
  return versions.map((version) => `${version.name} ${sumOf(version)}`).join(', ');
}

function clientsNow(
  own: readonly ClientPool[],
  { waiting, others }: Pick<Pooler, 'waiting'> & { others: number },
): string {
  const longest = waiting.clients > 0 ? `, the longest for ${(waiting.longestMs / 1_000).toFixed(1)} s` : '';
  return `${sum(own, ({ clients }) => clients)} of the service, of which ${waiting.clients} wait${longest}; ${others} others`;
}

function elsewhere(
  { entries }: Pgbouncer,
  { source, databaseName }: { readonly source: string; readonly databaseName: string },
): Finding {
  const names = entries.map(({ name, database }) => `${name} to ${database}`).join(', ') || 'none';
  return {
    passed: false,
    summary: `PgBouncer has no entry that leads to the database ${databaseName}, so the service does not use it`,
    evidence: [{ what: 'entries of PgBouncer', measured: names, required: `one to ${databaseName}`, source }],
    unblock:
      'give the URL of the PgBouncer that the service uses, or that of the database that it leads to; an entry "*" appears once a client is connected',
  };
}
