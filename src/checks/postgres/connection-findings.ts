import type pg from 'pg';
import type { Finding } from '../../plugin/index.ts';
import { connectionsOf, type Pool } from './connection-budget.ts';
import type { Connections } from './connections.ts';
import { roleText } from './roles.ts';
import type { Roles } from './schema.ts';
import { DatabaseUnavailable, identifier, type Session, withSession } from './session.ts';

const STATEMENT_TIMEOUT_MS = 10_000;
const TOO_MANY_CONNECTIONS = '53300';

/** Runs `use` with a session that only reads. That no connection is free is a finding: it answers what is asked. */
export async function withConnections(
  session: Omit<Session, 'access' | 'statementTimeoutMs'>,
  use: (client: pg.Client) => Promise<Finding>,
): Promise<Finding> {
  try {
    return await withSession({ ...session, access: 'read-only', statementTimeoutMs: STATEMENT_TIMEOUT_MS }, use);
  } catch (error) {
    if (error instanceof DatabaseUnavailable && error.code === TOO_MANY_CONNECTIONS) return noneFree(session.database);
    throw error;
  }
}

/** Why these numbers would not be the service's, if so. */
export function explainMismatch(
  found: Connections,
  { database, role }: { readonly database: string; readonly role: Roles },
): Finding | undefined {
  const source = `database ${database}`;
  const roles = roleText(role);
  if (found.missingRoles.length > 0)
    return {
      passed: false,
      summary: `there is no role "${found.missingRoles.join('", "')}", as which the service is said to connect`,
      evidence: [{ what: 'role of the service', measured: 'does not exist', required: roles, source }],
      unblock: `correct "role" of this check in the runbook, or create the role`,
    };
  if (found.logins.length === 0)
    return {
      passed: false,
      summary: `no login is, or is a member of, the role "${roles}", as which the service is said to connect`,
      evidence: [{ what: 'logins of the service', measured: '0', required: 'at least 1', source }],
      unblock:
        'correct "role" of this check in the runbook: a login, the group of all its logins, or a pattern such as v-*-shop-*',
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
      summary: `database ${database} is a standby, and nobody is connected to it as ${roles}: the service's connections are elsewhere`,
      evidence: [
        {
          what: 'server',
          measured: `a standby, with no session of ${roles}`,
          required: 'the one the service uses',
          source,
        },
      ],
      unblock: `give the worker the URL of the primary in the variable that the runbook names in databases.${database}.urlEnv; if the service does read from this standby, let blue connect to it, then check again`,
    };
  return undefined;
}

/**
 * What to look at first where a sum is too large, because the runbook may not describe the service: blue is among the others and
 * counted twice, or its pools alone could never be open.
 */
export function runbookHints(
  found: Connections,
  { role, pools }: { readonly role: Roles; readonly pools: readonly Pool[] },
): string[] {
  const { ofRole, othersInDatabase, whoOthersAre, maxConnections } = found;
  const hints: string[] = [];
  if (ofRole === 0 && othersInDatabase > 0)
    hints.push(
      `nobody is connected as ${roleText(role)}: if the service is among the others (${whoOthersAre}), ` +
        'name its login, the group of its logins or a pattern for them in "role"',
    );
  const ofBlue = connectionsOf(pools.filter(({ name }) => name === 'blue'));
  if (ofBlue > maxConnections)
    hints.push(
      `blue's pools alone (${ofBlue}) are more than max_connections: if both versions connect through a pooler, describe it with "pooler"`,
    );
  return hints;
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
