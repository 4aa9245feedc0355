import type pg from 'pg';
import { exactNames, type Login, likePatterns } from './roles.ts';
import type { Roles } from './schema.ts';
import { CHECK_APPLICATION } from './session.ts';

/** Who is connected now, and how many may be. */
export interface Connections {
  readonly currentUser: string;
  readonly maxConnections: number;
  /** Slots that the service never gets, by the setting that reserves them. */
  readonly reserved: Readonly<Record<string, number>>;
  /** Another max_connections is set and waits for a restart. */
  readonly pendingRestart: boolean;
  readonly databaseName: string;
  /** -1: none. */
  readonly databaseLimit: number;
  /** Names in `role` that no role has. */
  readonly missingRoles: readonly string[];
  /** Roles of the service that may log in or have sessions: those of the runbook, and their direct and indirect members. */
  readonly logins: readonly Login[];
  readonly seesEverybody: boolean;
  /** A standby: it only reads, and what is open on the primary cannot be seen from here. */
  readonly standby: boolean;
  /** Sessions that stream from this server: standbys, mostly. */
  readonly replicas: number;
  /** Sessions of the service's logins now. */
  readonly ofRole: number;
  readonly ofRoleInDatabase: number;
  readonly others: number;
  readonly othersInDatabase: number;
  /** `metrics 3, postgres 1` */
  readonly whoOthersAre: string;
}

/**
 * Membership is read from pg_auth_members: pg_has_role says of a superuser that it is a member of every role. Since
 * PostgreSQL 16 the creator of a role gets ADMIN OPTION on it, with neither INHERIT nor SET: Vault itself is not the service.
 * `rds.rds_superuser_reserved_connections` exists on Amazon RDS only.
 */
const CONNECTIONS = `
  WITH RECURSIVE service AS (
    SELECT oid FROM pg_roles WHERE rolname LIKE ANY ($1::text[])
    UNION
    SELECT m.member FROM service JOIN pg_auth_members m ON m.roleid = service.oid
    WHERE coalesce((to_jsonb(m) ->> 'inherit_option')::bool OR (to_jsonb(m) ->> 'set_option')::bool, true)
  ), sessions AS (
    SELECT usesysid, usename, datname, EXISTS (SELECT FROM service WHERE oid = usesysid) AS own
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> $2
  ), others AS (
    SELECT coalesce(usename, CASE WHEN usesysid IS NULL THEN '(connecting)' ELSE '(dropped role)' END) AS name, datname
    FROM sessions WHERE NOT own
  ), logins AS (
    SELECT r.oid, r.rolname AS name, CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END AS "limit",
      r.rolname = ANY ($3::text[]) AS named,
      (SELECT count(*)::int FROM sessions s WHERE s.usesysid = r.oid) AS sessions,
      r.rolcanlogin AND coalesce(r.rolvaliduntil > now(), true) AS may
    FROM service JOIN pg_roles r USING (oid)
  )
  SELECT
    current_user AS "currentUser",
    current_setting('max_connections')::int AS "maxConnections",
    json_build_object(
      'superuser_reserved_connections', current_setting('superuser_reserved_connections')::int,
      'reserved_connections', CASE
        WHEN (SELECT bool_and(pg_has_role(oid, to_regrole('pg_use_reserved_connections')::oid, 'USAGE')) FROM logins) THEN 0
        ELSE coalesce(current_setting('reserved_connections', true)::int, 0) END,
      'rds.rds_superuser_reserved_connections',
      coalesce(nullif(current_setting('rds.rds_superuser_reserved_connections', true), '')::int, 0)
    ) AS "reserved",
    coalesce((SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'), false) AS "pendingRestart",
    d.datname AS "databaseName",
    d.datconnlimit AS "databaseLimit",
    (SELECT coalesce(jsonb_agg(n), '[]') FROM unnest($3::text[]) n
      WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = n)) AS "missingRoles",
    (SELECT coalesce(jsonb_agg(to_jsonb(logins) - 'oid' - 'may' ORDER BY name), '[]') FROM logins
      WHERE may OR sessions > 0) AS "logins",
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "seesEverybody",
    pg_is_in_recovery() AS "standby",
    (SELECT count(*)::int FROM pg_stat_replication) AS "replicas",
    (SELECT count(*)::int FROM sessions WHERE own) AS "ofRole",
    (SELECT count(*)::int FROM sessions WHERE own AND datname = current_database()) AS "ofRoleInDatabase",
    (SELECT count(*)::int FROM others) AS "others",
    (SELECT count(*)::int FROM others WHERE datname = current_database()) AS "othersInDatabase",
    coalesce((SELECT string_agg(name || ' ' || n, ', ' ORDER BY n DESC, name)
      FROM (SELECT name, count(*) AS n FROM others GROUP BY name ORDER BY n DESC, name LIMIT 5) top), '') AS "whoOthersAre"
  FROM pg_database d WHERE d.datname = current_database()`;

export async function measureConnections(client: pg.Client, role: Roles): Promise<Connections> {
  const { rows } = await client.query<Connections>(CONNECTIONS, [
    likePatterns(role),
    CHECK_APPLICATION,
    exactNames(role),
  ]);
  const [row] = rows;
  if (!row) throw new Error('PostgreSQL does not list the database that the check is connected to');
  return row;
}
