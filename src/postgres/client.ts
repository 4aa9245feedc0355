import { Socket, type TcpSocketConnectOpts } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Parameters } from './parameters.ts';
import { type Login, passwordFor } from './password.ts';
import { SettingError } from './setting-error.ts';
import type { Target } from './targets.ts';
import type { Encryption } from './tls.ts';

/** How the checks' own sessions are called in pg_stat_activity: they are gone in a moment and never counted. */
export const CHECK_APPLICATION = 'bluegreen-check';
const CONNECT_TIMEOUT_MS = 10_000;
const GOODBYE_MS = 1_000;

export interface Connection {
  readonly client: pg.Client;
  /** The server that let us in. */
  readonly target: Target;
  /** Never fails and never takes long: a server that is gone does not say goodbye. */
  readonly close: () => Promise<void>;
}

export interface Attempted {
  readonly parameters: Parameters;
  readonly login: Login;
  readonly env: NodeJS.ProcessEnv;
  readonly encryption: Encryption;
  /** In pg_stat_activity. */
  readonly applicationName: string;
  readonly signal: AbortSignal;
}

/** Connects to one server in one way. @throws the driver's error, or the signal's reason. */
export async function connectTo(target: Target, attempted: Attempted): Promise<Connection> {
  const { signal } = attempted;
  signal.throwIfAborted();
  const socket = socketTo(target);
  const client = createClient(target, { ...attempted, socket });
  const binding = channelBinding(client, attempted.parameters);
  // A connection that breaks while nothing is asked of it emits this; the next query rejects and tells it.
  client.on('error', () => {});
  const giveUp = () => socket.destroy(); // a server that accepts and says nothing would hold us until the time-out
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await client.connect();
    binding.check();
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  return {
    client,
    target,
    async close() {
      await Promise.race([client.end().catch(() => {}), sleep(GOODBYE_MS, undefined, { ref: false })]);
      socket.destroy();
    },
  };
}

function socketTo({ address, port }: Target): Socket {
  return address === undefined ? new Socket() : new AddressedSocket({ host: address, port });
}

/** pg connects its socket to the host's name; with `hostaddr` the name counts only for the certificate. */
class AddressedSocket extends Socket {
  readonly #to: TcpSocketConnectOpts;

  constructor(to: TcpSocketConnectOpts) {
    super();
    this.#to = to;
  }

  override connect(): this {
    return super.connect(this.#to);
  }
}

function createClient(target: Target, given: Attempted & { readonly socket: Socket }): pg.Client {
  const { parameters, login, env, encryption, applicationName, socket } = given;
  return new pg.Client({
    host: target.host,
    port: target.port,
    user: login.user,
    database: login.database,
    password: () => passwordFor(target, login, { parameters, env }),
    ssl: encryption,
    sslnegotiation: encryption !== false && parameters.sslnegotiation === 'direct' ? 'direct' : 'postgres',
    enableChannelBinding: encryption !== false && parameters.channel_binding === 'require',
    options: parameters.options,
    // From the first moment: another check that looks meanwhile must not take it for one of somebody's.
    application_name: applicationName,
    connectionTimeoutMillis: timeoutOf(parameters),
    keepAlive: true,
    stream: () => socket,
  });
}

function timeoutOf({ connect_timeout: seconds }: Parameters): number {
  if (seconds === undefined) return CONNECT_TIMEOUT_MS;
  if (!/^-?\d{1,6}$/.test(seconds)) throw new SettingError('connect_timeout is no whole number of seconds (not shown)');
  return Number(seconds) > 0 ? Number(seconds) * 1_000 : CONNECT_TIMEOUT_MS;
}

/** With `channel_binding=require`, a login that is not bound to the server's certificate is no login. */
function channelBinding(client: pg.Client, { channel_binding: wanted }: Parameters): { readonly check: () => void } {
  let bound = false;
  client.connection.on('authenticationSASL', ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
    bound = client.ssl && mechanisms.includes('SCRAM-SHA-256-PLUS');
  });
  return {
    check() {
      if (wanted === 'require' && !bound)
        throw new SettingError(
          'channel_binding=require, but the server logs in without it; write channel_binding=prefer, or let the server ask for SCRAM over TLS',
        );
    },
  };
}
