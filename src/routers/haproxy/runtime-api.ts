import { connect, type Socket } from 'node:net';
import { commandFailed } from '../../plugin/index.ts';
import { errorCode } from '../../util/index.ts';

const ANSWER_MS = 5_000;

/** What HAProxy says of a server, and what this router uses of it. */
export interface ServerState {
  readonly name: string;
  /** 0 to 256. */
  readonly weight: number;
  /** Of `show servers state`: bits that keep a server from traffic, whatever its weight. */
  readonly maintenance: boolean;
  readonly draining: boolean;
  readonly up: boolean;
}

/**
 * Sends one command to the runtime API of one HAProxy. `address` is the path of a Unix socket, or `host:port`.
 * @throws ApplicationFailure `CommandFailed` if it cannot be asked; the signal's reason when that aborts.
 */
export async function ask(address: string, command: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(ANSWER_MS);
  const socket = open(address);
  const stop = () => socket.destroy();
  const either = AbortSignal.any([signal, timeout]);
  either.addEventListener('abort', stop, { once: true });
  try {
    socket.end(`${command}\n`);
    let answer = '';
    for await (const chunk of socket.setEncoding('utf8')) answer += String(chunk);
    either.throwIfAborted();
    return answer.trim();
  } catch (error) {
    signal.throwIfAborted();
    throw commandFailed(
      `HAProxy's runtime API ${timeout.aborted ? `did not answer within ${ANSWER_MS / 1_000} s` : `cannot be reached (${errorCode(error) ?? 'the connection broke'})`}: ` +
        'expected the path of its stats socket, or host:port, in router.sockets',
    );
  } finally {
    either.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** Sends a command that changes something: HAProxy answers only if it refuses. @throws as `ask`, and if it is refused. */
export async function change(address: string, command: string, signal: AbortSignal): Promise<void> {
  const answer = await ask(address, command, signal);
  if (answer !== '') throw commandFailed(`HAProxy refused "${command}": ${answer.slice(0, 300)}${hint(answer)}`);
}

/** The servers of a backend. @throws as `ask`, and if there is no such backend. */
export async function readServers(address: string, backend: string, signal: AbortSignal): Promise<ServerState[]> {
  const answer = await ask(address, `show servers state ${backend}`, signal);
  const [, header = '', ...lines] = answer.split('\n');
  if (!header.startsWith('# '))
    throw commandFailed(
      `HAProxy does not list the servers of backend "${backend}": ${answer.slice(0, 300)}${hint(answer)}`,
    );
  const names = header.slice(2).split(' ');
  return lines.map((line) => {
    const row = new Map(line.split(' ').map((value, index) => [names[index], value]));
    const admin = Number(row.get('srv_admin_state'));
    return {
      name: row.get('srv_name') ?? '',
      weight: Number(row.get('srv_uweight')),
      maintenance: (admin & MAINTENANCE) !== 0,
      draining: (admin & DRAIN) !== 0,
      up: row.get('srv_op_state') === UP,
    };
  });
}

/** The `balance` algorithm of a backend. @throws as `ask`. */
export async function readBalance(address: string, backend: string, signal: AbortSignal): Promise<string> {
  // Of all backends: by its name a frontend of the same name would be found.
  const [header = '', ...lines] = (await ask(address, 'show stat -1 2 -1', signal)).split('\n');
  const line = lines.find((each) => each.startsWith(`${backend},BACKEND,`)) ?? '';
  return line.split(',')[header.split(',').indexOf('algo')] || 'unknown';
}

/** How many requests and connections these servers of a backend have now. @throws as `ask`. */
export async function countSessions(
  address: string,
  backend: string,
  servers: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const [header = '', ...lines] = (await ask(address, 'show stat -1 4 -1', signal)).split('\n');
  const column = header.split(',').indexOf('scur');
  return servers.reduce((sum, name) => {
    const line = lines.find((each) => each.startsWith(`${backend},${name},`)) ?? '';
    return sum + Number(line.split(',')[column] ?? 0);
  }, 0);
}

/** Forced, inherited, by a tracked server, by DNS (HAProxy's server-t.h). */
const MAINTENANCE = 0x01 | 0x02 | 0x20 | 0x40;
const DRAIN = 0x08 | 0x10;
const UP = '2';

function hint(answer: string): string {
  if (/permission denied/i.test(answer)) return '; give the stats socket "level admin" in the configuration';
  if (/static LB algorithm/i.test(answer))
    return '; use "balance roundrobin" or "balance leastconn" in this backend: the others take no weights';
  return '';
}

function open(address: string): Socket {
  if (address.startsWith('/')) return connect({ path: address });
  const at = address.lastIndexOf(':');
  return connect({ host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(at + 1)) });
}
