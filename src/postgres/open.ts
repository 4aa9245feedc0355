import { userInfo } from 'node:os';
import type pg from 'pg';
import { CHECK_APPLICATION, type Connection, connectTo } from './client.ts';
import { type ParameterSources, type Parameters, readParameters } from './parameters.ts';
import type { Login } from './password.ts';
import { SettingError } from './setting-error.ts';
import { addressesOf, labelOf, type Target, targetsOf } from './targets.ts';
import { encryptionsOf, type SslMode, sslModeOf } from './tls.ts';
import {
  DatabaseUnavailable,
  type Explained,
  explain,
  otherWayMayDo,
  saysLittle,
  whereItsUrlStands,
} from './unavailable.ts';

/** How a database of the runbook is reached. */
export interface DatabaseAddress extends ParameterSources {
  /** As messages call the database: by its name in the runbook, if it is one of the runbook's. */
  readonly database: string;
  /** The variable that holds the URL, if no runbook names it. */
  readonly urlVariable?: string;
  /** In pg_stat_activity; by default the one of checks, which they do not count. */
  readonly applicationName?: string;
}

const ROLES = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
type Role = (typeof ROLES)[number];

/** All that is read from the connection string, before anything is connected to. */
interface Plan {
  readonly database: string;
  readonly urlVariable?: string | undefined;
  readonly applicationName: string;
  readonly parameters: Parameters;
  readonly login: Login;
  readonly mode: SslMode;
  readonly env: NodeJS.ProcessEnv;
  readonly role: Role;
  readonly signal: AbortSignal;
}

/** This server will not do, in words a person can act on; the next one may. */
class NotThisOne extends Error {
  readonly code: string;

  constructor(code: string, words: string) {
    super(words);
    this.code = code;
  }
}

/**
 * Connects as libpq would: to the first server of the list that answers and has the role that `target_session_attrs`
 * asks for. `only`: to this server, whatever the list says.
 * @throws DatabaseUnavailable in words a person can act on; the signal's reason when that aborts.
 */
export async function open(address: DatabaseAddress, signal: AbortSignal, only?: Target): Promise<Connection> {
  const plan = planFor(address, signal);
  const targets = only ? [only] : await targetsIn(plan);
  const rounds: readonly Role[] = only ? ['any'] : plan.role === 'prefer-standby' ? ['standby', 'any'] : [plan.role];
  const failures: NotThisOne[] = [];
  for (const role of rounds)
    for (const target of targets) {
      const connection = await enter(target, { ...plan, role }).catch((error: unknown) => {
        if (!(error instanceof NotThisOne)) throw error;
        failures.push(error);
      });
      if (connection) return connection;
    }
  const words = [...new Set(failures.map(({ message }) => message))];
  throw new DatabaseUnavailable(
    failures[0]?.code ?? 'unknown',
    `database ${address.database}: ${words.length > 1 ? 'none of its servers will do: ' : ''}${words.join('; ')}`,
  );
}

function planFor(address: DatabaseAddress, signal: AbortSignal): Plan {
  const { database, urlVariable, applicationName = CHECK_APPLICATION, env } = address;
  return orUnavailable(address, () => {
    const parameters = readParameters(address);
    const role = ROLES.find((each) => each === (parameters.target_session_attrs ?? 'any'));
    if (!role) throw new SettingError(`target_session_attrs is none of ${ROLES.join(', ')} (not shown)`);
    const login = loginOf(parameters);
    return {
      database,
      urlVariable,
      applicationName,
      parameters,
      login,
      mode: sslModeOf(parameters),
      env,
      role,
      signal,
    };
  });
}

/** Every address of a name is a server of its own where its role matters; a name without one fails when it is connected to. */
async function targetsIn(plan: Plan): Promise<readonly Target[]> {
  const { parameters, role } = plan;
  const targets = orUnavailable(plan, () => targetsOf(parameters));
  if (role === 'any') return targets;
  return (await Promise.all(targets.map((target) => addressesOf(target).catch(() => [target])))).flat();
}

/** @throws NotThisOne if another server may do; DatabaseUnavailable if not. */
async function enter(target: Target, plan: Plan): Promise<Connection> {
  const connection = await connectInSomeWay(target, plan);
  try {
    const found = await otherRole(connection.client, plan.role);
    if (found === undefined) return connection;
    await connection.close();
    const words = `${labelOf(target)} is ${found}, and target_session_attrs=${plan.role} asks for another`;
    throw new NotThisOne('ERR_TARGET_SESSION_ATTRS', words);
  } catch (error) {
    await connection.close();
    plan.signal.throwIfAborted();
    throw error;
  }
}

/** Encrypted or not, in the order of the `sslmode`. Where both ways fail, the first one's reason is what helps. */
async function connectInSomeWay(target: Target, plan: Plan): Promise<Connection> {
  const { database, urlVariable, parameters, mode, env, signal } = plan;
  let failed: Explained | undefined;
  try {
    for (const encryption of await encryptionsOf(parameters, { mode, host: target.host, env })) {
      try {
        return await connectTo(target, { ...plan, encryption });
      } catch (error) {
        signal.throwIfAborted();
        const now = explain(error, { target, mode, encrypted: encryption !== false, database, urlVariable });
        if (failed === undefined || saysLittle(failed)) failed = now;
        if (!otherWayMayDo(error)) break;
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    failed = explain(error, { target, mode, encrypted: false, database, urlVariable });
  }
  const { code, words, final } = failed ?? { code: 'unknown', words: 'no way to connect', final: true };
  throw final ? new DatabaseUnavailable(code, `database ${database}: ${words}`) : new NotThisOne(code, words);
}

/** What the server is instead of the role that was asked for. */
async function otherRole(client: pg.Client, role: Role): Promise<string | undefined> {
  if (role === 'any') return undefined;
  const { rows } = await client.query<{ standby: boolean; readOnly: boolean }>(
    `SELECT pg_is_in_recovery() AS standby,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS "readOnly"`,
  );
  const { standby, readOnly } = rows[0] ?? { standby: false, readOnly: false };
  const is = standby ? 'a standby' : readOnly ? 'a primary that only reads by default' : 'a primary';
  const fits = {
    'read-write': !readOnly,
    'read-only': readOnly,
    primary: !standby,
    standby,
    'prefer-standby': standby,
  }[role];
  return fits ? undefined : is;
}

function loginOf({ user: given, dbname }: Parameters): Login {
  const user = given ?? systemUser();
  return { user, database: dbname ?? user };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw new SettingError('it names no user, and the user id of the worker has no name: write the user into the URL');
  }
}

function orUnavailable<T>(named: Pick<Plan, 'database' | 'urlVariable'>, read: () => T): T {
  const { database } = named;
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    const where = whereItsUrlStands(database, named.urlVariable);
    throw new DatabaseUnavailable('ERR_INVALID_URL', `database ${database}: correct ${where}: ${error.message}`);
  }
}
