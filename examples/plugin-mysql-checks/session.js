import { readFileSync } from 'node:fs';
import { redact } from 'bluegreen/plugin';
import mysql from 'mysql2/promise';

const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_TIMEOUT_MS = 3_000;

/** What `ssl-mode` in the URL means, as in MySQL's own clients. Without it the connection is not encrypted. */
const TLS = {
  DISABLED: () => undefined,
  REQUIRED: () => ({ rejectUnauthorized: false }),
  VERIFY_CA: (ca) => ({ ...ca, rejectUnauthorized: true, verifyIdentity: false }),
  VERIFY_IDENTITY: (ca) => ({ ...ca, rejectUnauthorized: true, verifyIdentity: true }),
};

/** What `withSession` needs to reach the database that the config of a check names. */
export function sessionOf({ database: named }, context) {
  return { database: named, url: context.databaseUrl(named), signal: context.run.signal };
}

/**
 * Runs `use` with a connection of its own, which is closed in any case. When the signal aborts, the running statement is
 * killed in the server and this rejects with the signal's reason.
 * @param {{ database: string, url: string, signal: AbortSignal }} session `database` is its name in the runbook
 * @throws Error with what to do, if the server cannot be reached or refuses
 */
export async function withSession(session, use) {
  const { database, signal } = session;
  signal.throwIfAborted();
  const options = optionsOf(session);
  const connection = await abortable(mysql.createConnection(options), signal).catch((error) => {
    signal.throwIfAborted();
    throw unavailable(error, { database, options });
  });
  connection.on('error', () => {}); // the next query rejects, with the reason
  const ask = async (sql, values = []) => {
    const [rows] = await abortable(connection.query(sql, values), signal);
    return rows;
  };
  try {
    return await use(ask);
  } catch (error) {
    if (signal.aborted) await killQuery(options, connection.threadId);
    signal.throwIfAborted();
    throw error;
  } finally {
    connection.destroy();
  }
}

/** Rejects as soon as the signal aborts, and leaves no rejection unhandled. */
async function abortable(promise, signal) {
  promise.catch(() => {});
  let stop;
  const aborted = new Promise((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Best effort: a server that lets nobody in ends the statement when it notices that the connection is gone. */
async function killQuery(options, id) {
  try {
    const other = await mysql.createConnection({ ...options, connectTimeout: CANCEL_TIMEOUT_MS });
    try {
      await other.query({ sql: 'KILL QUERY ?', values: [id], timeout: CANCEL_TIMEOUT_MS });
    } finally {
      other.destroy();
    }
  } catch {
    // The check is being stopped: there is nothing left to report it to.
  }
}

function optionsOf({ database, url }) {
  const wrong = (what) => new Error(`database ${database}: its URL ${what}`);
  if (!URL.canParse(url) || !/^(mysql|mariadb):$/.test(new URL(url).protocol))
    throw wrong(
      'is no URL of MySQL; write mysql://user:password@host:3306/name, with / @ : # ? % in the password percent-encoded',
    );
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const mode = searchParams.get('ssl-mode') ?? 'DISABLED';
  if (!Object.hasOwn(TLS, mode)) throw wrong(`has an unknown ssl-mode; write one of ${Object.keys(TLS).join(', ')}`);
  const unknown = [...searchParams.keys()].find((key) => !['ssl-mode', 'ssl-ca'].includes(key));
  if (unknown !== undefined) throw wrong(`has the unknown parameter ${unknown}; ssl-mode and ssl-ca are known`);
  const name = decodeURIComponent(pathname.slice(1));
  if (name === '') throw wrong('names no database; write it after the host: mysql://user:password@host:3306/name');
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: name,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    supportBigNumbers: true,
    ssl: TLS[mode](caOf(searchParams.get('ssl-ca'), wrong)),
  };
}

function caOf(file, wrong) {
  if (file === null) return {};
  try {
    return { ca: readFileSync(file) };
  } catch (error) {
    throw wrong(`names a file with ssl-ca that cannot be read (${error.code}); correct it, or give the worker access`);
  }
}

/** Without the cause: what is thrown ends in a history, and causes hold addresses and users. */
function unavailable(error, { database, options: { host, port } }) {
  const where = `${host}:${port}`;
  const itsUrl = `the URL in the variable that the runbook names in databases.${database}.urlEnv`;
  const reasons = {
    ECONNREFUSED: `nothing listens on ${where}; start the server, or correct ${itsUrl}`,
    ENOTFOUND: `the host of ${where} is unknown; correct ${itsUrl}`,
    ETIMEDOUT: `${where} does not answer; check the network, or correct ${itsUrl}`,
    ER_ACCESS_DENIED_ERROR: `the user or password is refused; correct ${itsUrl}`,
    ER_BAD_DB_ERROR: `there is no database of the name in ${itsUrl}`,
    ER_DBACCESS_DENIED_ERROR: `the user may not use the database in ${itsUrl}; GRANT SELECT ON it to the user`,
    HANDSHAKE_NO_SSL_SUPPORT: `${where} offers no TLS; use ssl-mode=DISABLED in ${itsUrl}, or turn on TLS in the server`,
    HANDSHAKE_SSL_ERROR: `the certificate of ${where} is not accepted (${messageOf(error)}); name its CA with ssl-ca=FILE in ${itsUrl}`,
  };
  const reason = reasons[error.code] ?? `${where} refused the connection: ${messageOf(error)}`;
  return Object.assign(new Error(`database ${database}: ${reason}`), { code: error.code });
}

/** The server's message, without secrets and short enough for a history. */
export function messageOf(error) {
  return redact(String(error.message ?? error)).slice(0, 300);
}

/** A name as SQL takes it. */
export function identifier(name) {
  return mysql.escapeId(name, true);
}

/** `schema.table`, quoted. The session's own schema if none is named. */
export function tableName(table) {
  return table.split('.').map(identifier).join('.');
}
