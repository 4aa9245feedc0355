import type pg from 'pg';
import type { EvidenceLine } from '../runbook/plan.ts';
import type { CheckOfKind } from '../runbook/schema.ts';
import type { Check, Finding } from './check.ts';
import { CHECK_APPLICATION, DatabaseUnavailable, identifier, withSession } from './postgres.ts';

type Config = CheckOfKind<'postgres-max-connections'>;

const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * Blue's and green's pools fit into the server at the same time, next to everybody else: the guide's first pitfall.
 * Compared with the tightest of max_connections, the database's limit and the role's.
 */
export function postgresMaxConnections(config: Config): Check {
  return async (context) => {
    const { attendance } = context;
    attendance.heartbeat({ doing: 'counting connections' });
    try {
      return await withSession(
        {
          database: config.database,
          url: context.databaseUrl(config.database),
          access: 'read-only',
          statementTimeoutMs: STATEMENT_TIMEOUT_MS,
          signal: attendance.signal,
        },
        async (client) => judge(config, await measure(client, config.role)),
      );
    } catch (error) {
      if (error instanceof DatabaseUnavailable && error.code === '53300') return noneFree(config);
      throw error;
    }
  };
}

interface Measured {
  readonly currentUser: string;
  readonly maxConnections: number;
  /** Slots that ordinary roles never get: superuser_reserved_connections and, since 16, reserved_connections. */
  readonly reserved: number;
  /** Another max_connections is set and waits for a restart. */
  readonly pendingRestart: boolean;
  readonly databaseName: string;
  /** -1: none. */
  readonly databaseLimit: number;
  /** -1: none; null: there is no such role. */
  readonly roleLimit: number | null;
  /** Limits of a role do not hold for superusers. */
  readonly roleIsSuperuser: boolean;
  readonly seesEverybody: boolean;
  /** Sessions of the service's role now. */
  readonly ofRole: number;
  readonly others: number;
  readonly othersInDatabase: number;
  /** `metrics 3, postgres 1` */
  readonly whoOthersAre: string;
}

async function measure(client: pg.Client, role: string): Promise<Measured> {
  const { rows } = await client.query<Measured>(
    `WITH sessions AS (
       SELECT usename, datname FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> $2
     ), others AS (
       SELECT coalesce(usename, '(unknown)') AS name, datname FROM sessions WHERE usename IS DISTINCT FROM $1
     )
     SELECT
       current_user AS "currentUser",
       current_setting('max_connections')::int AS "maxConnections",
       current_setting('superuser_reserved_connections')::int
         + coalesce(current_setting('reserved_connections', true)::int, 0) AS "reserved",
       coalesce((SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'), false) AS "pendingRestart",
       d.datname AS "databaseName",
       d.datconnlimit AS "databaseLimit",
       r.rolconnlimit AS "roleLimit",
       coalesce(r.rolsuper, false) AS "roleIsSuperuser",
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "seesEverybody",
       (SELECT count(*)::int FROM sessions WHERE usename = $1) AS "ofRole",
       (SELECT count(*)::int FROM others) AS "others",
       (SELECT count(*)::int FROM others WHERE datname = current_database()) AS "othersInDatabase",
       coalesce((SELECT string_agg(name || ' ' || n, ', ' ORDER BY n DESC, name)
         FROM (SELECT name, count(*) AS n FROM others GROUP BY name ORDER BY n DESC, name LIMIT 5) top), '')
         AS "whoOthersAre"
     FROM pg_database d LEFT JOIN pg_roles r ON r.rolname = $1
     WHERE d.datname = current_database()`,
    [role, CHECK_APPLICATION],
  );
  const [row] = rows;
  if (!row) throw new Error('PostgreSQL does not list the database that the check is connected to');
  return row;
}

function judge(config: Config, found: Measured): Finding {
  const source = `database ${config.database}`;
  if (found.roleLimit === null)
    return failed(`there is no role "${config.role}", as which the service is said to connect`, {
      evidence: [{ what: 'role of the service', measured: 'does not exist', required: config.role, source }],
      unblock: `correct "role" of this check in the runbook, or create the role`,
    });
  // Without this right PostgreSQL counts one's own session only and says nothing: the sum would be far too small.
  if (!found.seesEverybody)
    return failed(`the check's own role "${found.currentUser}" may not see other sessions, so nothing can be counted`, {
      evidence: [{ what: 'right to see all sessions', measured: 'missing', required: 'pg_read_all_stats', source }],
      unblock: `GRANT pg_read_all_stats TO ${identifier(found.currentUser)};`,
    });

  const blue = config.blue.instances * config.blue.size;
  const green = config.green.instances * config.green.size;
  const beyond = Math.max(0, found.ofRole - blue);
  const service = blue + green + beyond;
  const required = service + found.others + found.reserved + config.headroom;
  const inDatabase = service + found.othersInDatabase;

  const limits: Limit[] = [
    {
      what: 'max_connections',
      limit: found.maxConnections,
      required,
      remedy: found.pendingRestart
        ? `another max_connections is set, not in force: restart PostgreSQL (it cuts every connection, blue's too); if it still fails then, at least ${required} is needed`
        : `raise max_connections to at least ${required} and restart PostgreSQL (it cuts every connection, blue's too), or make the pools smaller`,
    },
  ];
  if (found.databaseLimit >= 0)
    limits.push({
      what: 'connection limit of the database',
      limit: found.databaseLimit,
      required: inDatabase,
      remedy: `raise it: ALTER DATABASE ${identifier(found.databaseName)} CONNECTION LIMIT ${inDatabase}`,
    });
  if (found.roleLimit >= 0 && !found.roleIsSuperuser)
    limits.push({
      what: `connection limit of the role ${config.role}`,
      limit: found.roleLimit,
      required: service,
      remedy: `raise it: ALTER ROLE ${identifier(config.role)} CONNECTION LIMIT ${service}`,
    });

  const sum: EvidenceLine[] = [
    { what: "blue's pools", measured: `${config.blue.instances} x ${config.blue.size} = ${blue}`, source: 'runbook' },
    {
      what: "green's pools",
      measured: `${config.green.instances} x ${config.green.size} = ${green}`,
      source: 'runbook',
    },
    { what: `open as ${config.role} beyond blue's pools`, measured: `${beyond} (${found.ofRole} open in all)`, source },
    { what: 'open by others', measured: found.others === 0 ? '0' : `${found.others} (${found.whoOthersAre})`, source },
    { what: 'reserved for administrators', measured: String(found.reserved), source },
    { what: 'headroom', measured: String(config.headroom), source: 'runbook' },
    ...limits.map(({ what, limit, required: needed }) => ({
      what,
      measured: String(limit),
      required: `at least ${needed}`,
      source,
    })),
    ...(found.pendingRestart
      ? [{ what: 'max_connections', measured: 'another value is set, not in force until a restart', source }]
      : []),
  ];
  const tightest = limits.reduce((a, b) => (b.limit - b.required < a.limit - a.required ? b : a));
  const short = limits.filter(({ limit, required: needed }) => limit < needed);
  if (short.length === 0)
    return {
      passed: true,
      summary: `both versions fit: ${tightest.what} is ${tightest.limit}, ${tightest.required} are needed`,
      evidence: sum,
    };
  return failed(`${tightest.what} is ${tightest.limit}, ${tightest.required} are needed with both versions running`, {
    evidence: sum,
    unblock: short.map(({ what, remedy }) => `${what}: ${remedy}`).join('; '),
  });
}

interface Limit {
  readonly what: string;
  readonly limit: number;
  readonly required: number;
  readonly remedy: string;
}

/** Not even the check gets in: that is the answer to the question, not an obstacle to asking it. */
function noneFree(config: Config): Finding {
  return failed(`database ${config.database}: no connection is free now, before green has even started`, {
    evidence: [
      { what: 'free connections', measured: '0', required: 'at least 1', source: `database ${config.database}` },
    ],
    unblock: 'find who holds the connections (pg_stat_activity, as a superuser), or raise the limits',
  });
}

function failed(
  summary: string,
  rest: { readonly evidence: readonly EvidenceLine[]; readonly unblock: string },
): Finding {
  return { passed: false, summary, ...rest };
}
