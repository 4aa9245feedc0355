import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnection, NativeConnectionOptions } from '@temporalio/worker';
import { messageOf, START_TEMPORAL } from '../util/index.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Most of what a worker sends are heartbeats of a few kilobytes: to compress one costs both sides more than to carry it. */
const COMPRESSION = { grpcCompression: { codec: 'none' } } as const;

export interface ConnectionConfig {
  readonly connectionOptions: NativeConnectionOptions & { readonly address: string };
  readonly namespace: string;
}

/**
 * Where the Temporal server is and how to reach it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*
 * and the profiles in temporal.toml (docs.temporal.io/develop/environment-configuration); a local server by default.
 */
export function connectionConfig(): ConnectionConfig {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  return {
    connectionOptions: { ...connectionOptions, address: connectionOptions.address || 'localhost:7233' },
    namespace: namespace || 'default',
  };
}

/** A worker's connection. @throws Error that says what to do when the server is not reached within five seconds. */
export async function connectWorker({ connectionOptions }: ConnectionConfig): Promise<NativeConnection> {
  const { NativeConnection } = await import('@temporalio/worker'); // only here: clients need not wait for all of it
  return inTime(connectionOptions.address, NativeConnection.connect({ ...COMPRESSION, ...connectionOptions }));
}

/** A client's connection. @throws Error that says what to do when the server is not reached within five seconds. */
export function connectClient({ connectionOptions }: ConnectionConfig): Promise<Connection> {
  const { address, apiKey, tls, metadata } = connectionOptions;
  const connection = Connection.lazy({
    address,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? {} : { tls }),
    ...(metadata === undefined ? {} : { metadata }),
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
  // Not Connection.connect: when that fails it leaves a channel behind that nobody can close.
  const connecting = connection.ensureConnected().then(
    () => connection,
    async (error: unknown) => {
      await connection.close();
      throw error;
    },
  );
  return inTime(address, connecting);
}

/** What a person reads about a namespace that the server does not have. */
export const noNamespace = (namespace: string): string =>
  `The Temporal server has no namespace "${namespace}". Set TEMPORAL_NAMESPACE to an existing one.`;

/** The error for a person; the server's own words are long and technical. */
function unreachable(address: string, error: unknown): Error {
  return new Error(
    `The Temporal server at ${address} cannot be reached: ${reasonOf(error)}. ` +
      `Start a local one with "${START_TEMPORAL}", or set TEMPORAL_ADDRESS (or TEMPORAL_PROFILE) to the one you mean.`,
    { cause: error },
  );
}

function reasonOf(error: unknown): string {
  const message = messageOf(error);
  if (/ConnectionRefused|ECONNREFUSED/.test(message)) return 'the connection was refused';
  if (/dns error|ENOTFOUND/.test(message)) return 'its host name is not known';
  return (message.split('\n', 1)[0] ?? '').slice(0, 300);
}

async function inTime<Connected extends { close(): Promise<void> }>(
  address: string,
  connecting: Promise<Connected>,
): Promise<Connected> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1_000} s`)),
      CONNECT_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([connecting, late]);
  } catch (error) {
    connecting
      .then(
        (connection) => connection.close(),
        () => {},
      )
      .catch(() => {});
    throw unreachable(address, error);
  } finally {
    clearTimeout(timer);
  }
}
