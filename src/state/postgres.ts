import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Connection, DatabaseUnavailable, messageOf, open } from '../postgres/index.ts';
import { errorCode } from '../util/index.ts';
import { type StateStore, StateUnavailable } from './store.ts';

/** For connecting, asking and one more attempt: a rollback on a worker that has just started waits for it. */
const LIMIT_MS = 5_000;
const TABLE = 'bluegreen_state';
/** Bytes, since a database need not have UTF-8 as its encoding. The collation lets the key find a folder's rows. */
const CREATE_TABLE =
  `CREATE TABLE IF NOT EXISTS ${TABLE} (name text COLLATE "C" PRIMARY KEY, content bytea NOT NULL, ` +
  'written_at timestamptz NOT NULL DEFAULT now())';
const WRITE =
  `INSERT INTO ${TABLE} (name, content) VALUES ($1, $2) ` +
  'ON CONFLICT (name) DO UPDATE SET content = excluded.content, written_at = now()';
const UNDEFINED_TABLE = '42P01';
/** Two workers create the table at once: IF NOT EXISTS does not prevent that. */
const CREATED_BY_ANOTHER = new Set(['23505', '42P07', '42710']);

interface PostgresStateOptions {
  /** The URL as it is now: its password may change. @throws Error */
  readonly url: () => string;
  /** Where the URL stands, for messages. */
  readonly urlVariable: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The state in a table of PostgreSQL, which is created with the first text. One connection, which is kept. */
export function postgresState({ url, urlVariable, env }: PostgresStateOptions): StateStore {
  let kept: Promise<Connection> | undefined;
  /** pg takes one query at a time. */
  let last: Promise<unknown> = Promise.resolve();

  async function connect(signal: AbortSignal): Promise<Connection> {
    const address = { database: 'of the state', url: url(), urlVariable, applicationName: 'bluegreen-state', env };
    return open(address, signal);
  }

  /** Another request may have replaced it already. */
  async function drop(connection: Promise<Connection> | undefined): Promise<void> {
    if (kept === connection) kept = undefined;
    await connection?.then(
      ({ close }) => close(),
      () => {},
    );
  }

  function inTurn<T>(query: () => Promise<T>): Promise<T> {
    const answered = last.then(query);
    last = answered.catch(() => {});
    return answered;
  }

  /** A kept connection may be dead, or lead to a server that is no longer the primary: then a new one is tried. */
  async function ask(text: string, values: unknown[]): Promise<pg.QueryResult<{ content: Buffer }>> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    for (;;) {
      const wasKept = kept !== undefined;
      const connection = (kept ??= connect(signal));
      try {
        const { client } = await unlessAborted(connection, signal);
        return await unlessAborted(
          inTurn(() => client.query(text, values)),
          signal,
        );
      } catch (error) {
        if (errorCode(error) === UNDEFINED_TABLE) throw error;
        void drop(connection);
        if (wasKept && !signal.aborted) continue;
        throw unavailable(signal.aborted ? `no answer within ${LIMIT_MS / 1_000} s` : error, urlVariable);
      }
    }
  }

  /** @returns nothing while there is no table. */
  async function rows(condition: string, values: unknown[]): Promise<string[]> {
    try {
      const found = await ask(`SELECT content FROM ${TABLE} WHERE ${condition}`, values);
      return found.rows.map(({ content }) => content.toString('utf8'));
    } catch (error) {
      if (errorCode(error) === UNDEFINED_TABLE) return [];
      throw error;
    }
  }

  async function write(name: string, text: string): Promise<void> {
    const values = [name, Buffer.from(text, 'utf8')];
    try {
      await ask(WRITE, values);
    } catch (error) {
      if (errorCode(error) !== UNDEFINED_TABLE) throw error;
      await createTable();
      await ask(WRITE, values);
    }
  }

  async function createTable(): Promise<void> {
    try {
      await ask(CREATE_TABLE, []);
    } catch (error) {
      if (error instanceof StateRefused && CREATED_BY_ANOTHER.has(error.code)) return;
      if (!(error instanceof StateUnavailable)) throw error;
      throw new StateUnavailable(`${error.message}; this creates the table: ${CREATE_TABLE}`);
    }
  }

  return {
    isRemote: true,
    describe: (name) => `${name} in the table ${TABLE} of the PostgreSQL in ${urlVariable}`,
    read: async (name) => (await rows('name = $1', [name]))[0],
    write,
    append: (folder, text) => write(`${folder}/${randomUUID()}.jsonl`, text),
    // "0" is the character after "/".
    readAppended: (folder) => rows('name > $1 AND name < $2', [`${folder}/`, `${folder}0`]),
    close: () => drop(kept),
  };
}

class StateRefused extends StateUnavailable {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function unavailable(error: unknown, urlVariable: string): StateUnavailable {
  if (error instanceof DatabaseUnavailable) return new StateUnavailable(error.message);
  const what = `the PostgreSQL in ${urlVariable} did not do what was asked: ${messageOf(error)}`;
  return new StateRefused(errorCode(error) ?? 'unknown', what);
}

/** A server that says nothing does not hold us; what it answers later is of no interest. */
function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('timed out'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
