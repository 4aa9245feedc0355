import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, type ClientConfig, DatabaseError, Pool } from 'pg';
import { messageOf } from '../util/index.ts';
import { runChild } from './child.ts';
import { QUERIES, type ServiceConfig, type ServiceFault } from './service.ts';

/** One version of the recommendation service. */

const POOL_SIZE = 5;
/** Without this and the next, requests pile up behind a slow query and a rollback does not recover. */
const CONNECT_TIMEOUT_MS = 1_000;
const STATEMENT_TIMEOUT_MS = 2_000;
/** How often lost connections of the pool are opened again. */
const REFILL_MS = 1_000;
/** How long running requests may take when the service ends. */
const DRAIN_MS = 1_000;

let fault: ServiceFault = {};
let service: { readonly pool: Pool; readonly recommend: string; readonly connection: ClientConfig } | undefined;
const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 60_000; // longer than the router keeps an idle connection: none is closed while it is being used

runChild<ServiceConfig, ServiceFault>({
  async start({ version, databaseUrl }) {
    const recommend = QUERIES.get(version);
    if (recommend === undefined) throw new Error(`there is no version ${version}`);
    const connection: ClientConfig = {
      connectionString: databaseUrl,
      application_name: `recommendation-${version}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
    };
    const pool = openPool(connection);
    service = { pool, recommend, connection };
    await fill(pool);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  },
  obey(given) {
    fault = given;
  },
  async end() {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, DRAIN_MS);
      server.close(() => resolve());
    });
  },
});

/**
 * A pool that holds all its connections from the start and never lets an idle one go (`min` of pg's pool does neither): when
 * another program uses up PostgreSQL's slots, this version still has its own.
 */
function openPool(connection: ClientConfig): Pool {
  const opened = new Pool({ ...connection, max: POOL_SIZE, idleTimeoutMillis: 0 });
  opened.on('error', (error) => console.error('lost a connection:', error.message));
  // One that is lost while it is taken says so itself, and unheard that would end this process.
  opened.on('connect', (client) => client.on('error', () => undefined));
  setInterval(() => {
    if (opened.totalCount < POOL_SIZE) fill(opened).catch((error: unknown) => console.error(messageOf(error)));
  }, REFILL_MS);
  return opened;
}

/** Only taking all of them at the same time makes the pool open each. */
async function fill(opened: Pool): Promise<void> {
  const taken = await Promise.allSettled(Array.from({ length: POOL_SIZE }, () => opened.connect()));
  for (const connection of taken) if (connection.status === 'fulfilled') connection.value.release();
  const refused = taken.find((connection) => connection.status === 'rejected');
  if (refused) throw new Error(`could not open its ${POOL_SIZE} database connections: ${messageOf(refused.reason)}`);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body } = await outcome(new URL(request.url ?? '/', 'http://service'));
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

async function outcome({ pathname, searchParams }: URL): Promise<{ status: number; body: object }> {
  if (!service) return { status: 503, body: { error: 'starting' } };
  const { pool, recommend, connection } = service;
  try {
    if (pathname === '/healthz') {
      await query(pool, 'SELECT 1');
      return { status: 200, body: { status: 'ok' } };
    }
    if (pathname !== '/recommendations') return { status: 404, body: { error: 'expected /recommendations?user=N' } };
    const user = Number(searchParams.get('user') ?? Number.NaN);
    if (!Number.isInteger(user)) return { status: 400, body: { error: 'expected ?user=NUMBER' } };
    if (Math.random() < (fault.failingShare ?? 0)) return { status: 500, body: { error: 'a mistake in this release' } };
    if (Math.random() < (fault.leakingShare ?? 0)) await leak(connection);
    return { status: 200, body: { user, recommendations: await query(pool, recommend, [user]) } };
  } catch (error) {
    return { status: 503, body: { error: messageOf(error) } }; // the database did not do its part in time
  }
}

async function query(pool: Pool, text: string, values: unknown[] = []): Promise<unknown[]> {
  const client = await pool.connect();
  // A refused statement leaves the connection usable: giving it up then would empty the pool just when slots are rare.
  let broken = false;
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } catch (error) {
    broken = !(error instanceof DatabaseError) || error.severity === 'FATAL';
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The guide's pitfall: a code path that opens a connection of its own, and a transaction, and forgets both. */
async function leak(connection: ClientConfig): Promise<void> {
  const client = new Client(connection);
  client.on('error', (error) => console.error('lost a leaked connection:', error.message));
  await client.connect();
  await client.query('BEGIN');
}
