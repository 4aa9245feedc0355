import { withSession } from './session.js';

/** How often to count again if sessions come and go between two statements. */
const MOST_COUNTS = 5;
const MOST_OTHERS_SHOWN = 5;

/** Runs `use` with a session. If no connection is free, that is the finding: it answers the question of these checks. */
export async function withConnections(session, use) {
  try {
    return await withSession(session, use);
  } catch (error) {
    if (!['ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_USER_LIMIT_REACHED'].includes(error.code))
      throw error;
    return {
      passed: false,
      summary: `database ${session.database}: no connection is free now, before green has even started`,
      evidence: [
        { what: 'free connections', measured: '0', required: 'at least 1', source: `database ${session.database}` },
      ],
      unblock: 'find who holds the connections (SHOW PROCESSLIST as an administrator), or raise max_connections',
    };
  }
}

/**
 * Who is connected, and how many may be. A finding if that cannot be seen.
 * @returns {Promise<{ maxConnections: number, userLimits: { user: string, limit: number }[], ofUsers: number,
 *   others: number, whoOthersAre: string } | { passed: false }>}
 */
export async function measureConnections(ask, { database, users }) {
  const source = `database ${database}`;
  const isOurs = matcher(users);
  const sessions = await allSessions(ask);
  if ('visible' in sessions) {
    const [{ me }] = await ask('SELECT current_user() AS me');
    return {
      passed: false,
      summary: `the check's user sees ${sessions.visible} of ${sessions.connected} sessions, so they cannot be counted`,
      evidence: [{ what: 'right to see all sessions', measured: 'missing', required: 'PROCESS', source }],
      unblock: `GRANT PROCESS ON *.* TO ${account(me)};`,
    };
  }
  const accounts = await accountsOf(ask, { isOurs, source });
  if ('passed' in accounts) return accounts;
  if (accounts.length === 0)
    return {
      passed: false,
      summary: `there is no user ${users.join(' or ')}, as which the service is said to connect`,
      evidence: [{ what: 'users of the service', measured: 'none', required: users.join(', '), source }],
      unblock: 'correct "users" of this check in the runbook, or create the user',
    };
  const [{ most, each }] = await ask(
    'SELECT @@GLOBAL.max_connections AS most, @@GLOBAL.max_user_connections AS `each`',
  );
  const ours = sessions.filter(({ user }) => isOurs(user));
  const others = sessions.filter(({ user }) => !isOurs(user));
  return {
    maxConnections: Number(most),
    userLimits: accounts
      .map(({ user, host, limit }) => ({ user: `${user}@${host}`, limit: Number(limit) || Number(each) }))
      .filter(({ limit }) => limit > 0),
    ofUsers: ours.length,
    others: others.length,
    whoOthersAre: whoTheyAre(others),
  };
}

export function matcher(users) {
  return (name) => users.some((user) => (user.endsWith('*') ? name.startsWith(user.slice(0, -1)) : name === user));
}

/** All sessions but the check's own. Without the right PROCESS the server lists only one's own, and does not say so. */
async function allSessions(ask) {
  let seen;
  for (let count = 0; count < MOST_COUNTS; count += 1) {
    const [{ Value: connected }] = await ask("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
    const [{ me }] = await ask('SELECT connection_id() AS me');
    const all = (await ask('SHOW FULL PROCESSLIST')).filter(
      ({ User, Command }) => Command !== 'Daemon' && !['system user', 'event_scheduler'].includes(User),
    );
    seen = { visible: all.length, connected: Number(connected) };
    if (seen.visible >= seen.connected)
      return all.filter(({ Id }) => Id !== me).map(({ User, Command }) => ({ user: User, command: Command }));
  }
  return seen;
}

async function accountsOf(ask, { isOurs, source }) {
  try {
    const rows = await ask('SELECT User AS user, Host AS host, max_user_connections AS `limit` FROM mysql.user');
    return rows.filter(({ user }) => isOurs(user));
  } catch (error) {
    if (error.code !== 'ER_TABLEACCESS_DENIED_ERROR' && error.code !== 'ER_DBACCESS_DENIED_ERROR') throw error;
    const [{ me }] = await ask('SELECT current_user() AS me');
    return {
      passed: false,
      summary: "the check's user may not read the limits of users",
      evidence: [{ what: 'right to read the limits of users', measured: 'missing', required: 'SELECT', source }],
      unblock: `GRANT SELECT ON mysql.user TO ${account(me)};`,
    };
  }
}

function whoTheyAre(sessions) {
  const counts = new Map();
  for (const { user } of sessions) counts.set(user, (counts.get(user) ?? 0) + 1);
  return [...counts]
    .sort(([a, ofA], [b, ofB]) => ofB - ofA || a.localeCompare(b))
    .slice(0, MOST_OTHERS_SHOWN)
    .map(([user, count]) => `${user} ${count}`)
    .join(', ');
}

/** `name@host` as GRANT takes it. */
function account(me) {
  const at = me.lastIndexOf('@');
  return `'${me.slice(0, at)}'@'${me.slice(at + 1)}'`;
}
