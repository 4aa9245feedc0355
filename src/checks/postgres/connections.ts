import type pg from 'pg';
import type { Finding } from '../../plugin/index.ts';
import { CHECK_APPLICATION, DatabaseUnavailable, identifier, type Session, withSession } from './session.ts';

const STATEMENT_TIMEOUT_MS = 10_000;
const TOO_MANY_CONNECTIONS = '53300';

/** Who is connected now, and how many may be. */
export interface Connections {
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
  /** A standby: it only reads, and what is open on the primary cannot be seen from here. */
  readonly standby: boolean;
  /** Sessions that stream from this server: standbys, mostly. */
  readonly replicas: number;
  /** Sessions of the service's role now. */
  readonly ofRole: number;
  readonly ofRoleInDatabase: number;
  readonly others: number;
  readonly othersInDatabase: number;
  /** `metrics 3, postgres 1` */
  readonly whoOthersAre: string;
}

/** Runs `use` with a session that only reads. That no connection is free is a finding: it answers what is asked. */
export async function withConnections(
  session: Pick<Session, 'database' | 'url' | 'signal'>,
  use: (client: pg.Client) => Promise<Finding>,
): Promise<Finding> {
  try {
    return await withSession({ ...session, access: 'read-only', statementTimeoutMs: STATEMENT_TIMEOUT_MS }, use);
  } catch (error) {
    if (error instanceof DatabaseUnavailable && error.code === TOO_MANY_CONNECTIONS) return noneFree(session.database);
    throw error;
  }
}

export async function measureConnections(client: pg.Client, role: string): Promise<Connections> {
  const { rows } = await client.query<Connections>(
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
       pg_is_in_recovery() AS "standby",
       (SELECT count(*)::int FROM pg_stat_replication) AS "replicas",
       (SELECT count(*)::int FROM sessions WHERE usename = $1) AS "ofRole",
       (SELECT count(*)::int FROM sessions WHERE usename = $1 AND datname = current_database()) AS "ofRoleInDatabase",
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

/** Why these numbers would not be the service's, if so. */
export function explainMismatch(
  found: Connections,
  { database, role }: { readonly database: string; readonly role: string },
): Finding | undefined {
  const source = `database ${database}`;
  if (found.roleLimit === null)
    return {
      passed: false,
      summary: `there is no role "${role}", as which the service is said to connect`,
      evidence: [{ what: 'role of the service', measured: 'does not exist', required: role, source }],
      unblock: `correct "role" of this check in the runbook, or create the role`,
    };
  // Without this right PostgreSQL counts one's own session only and says nothing: the sum would be far too small.
  if (!found.seesEverybody)
    return {
      passed: false,
      summary: `the check's own role "${found.currentUser}" may not see other sessions, so nothing can be counted`,
      evidence: [{ what: 'right to see all sessions', measured: 'missing', required: 'pg_read_all_stats', source }],
      unblock: `GRANT pg_read_all_stats TO ${identifier(found.currentUser)};`,
    };
  if (found.standby && found.ofRole === 0)
    return {
      passed: false,
      summary: `database ${database} is a standby, and nobody is connected to it as ${role}: the service's connections are elsewhere`,
      evidence: [
        {
          what: 'server',
          measured: `a standby, with no session of ${role}`,
          required: 'the one the service uses',
          source,
        },
      ],
      unblock: `give the worker the URL of the primary in the variable that the runbook names in databases.${database}.urlEnv; if the service does read from this standby, let blue connect to it, then check again`,
    };
  return undefined;
}

/** Not even the check gets in: that is the answer to the question, not an obstacle to asking it. */
function noneFree(database: string): Finding {
  return {
    passed: false,
    summary: `database ${database}: no connection is free now, before green has even started`,
    evidence: [{ what: 'free connections', measured: '0', required: 'at least 1', source: `database ${database}` }],
    unblock: 'find who holds the connections (pg_stat_activity, as a superuser), or raise the limits',
  };
}
