import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import type { Parameters } from './parameters.ts';
import { SettingError } from './setting-error.ts';

/** One server of the list that a connection string names. */
export interface Target {
  /** The name that its certificate has to hold, or the folder of a Unix socket. */
  readonly host: string;
  /** Connect to this IP address instead of looking up the host. */
  readonly address?: string;
  readonly port: number;
}

const DEFAULT_PORT = '5432';
/** Where Debian's and PostgreSQL's own servers put their socket: where psql looks if no host is given. */
export const DEFAULT_SOCKET_FOLDERS: readonly string[] = ['/var/run/postgresql', '/tmp'];

export function isSocket({ host }: Target): boolean {
  return host.startsWith('/');
}

function socketPath({ host, port }: Target): string {
  return `${host}/.s.PGSQL.${port}`;
}

/** As people call it in messages. */
export function labelOf(target: Target): string {
  if (isSocket(target)) return `the socket ${socketPath(target)}`;
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

/**
 * The servers in the order in which they are tried: libpq's rules for lists in `host`, `hostaddr` and `port`.
 * @throws SettingError
 */
export function targetsOf(parameters: Parameters): readonly Target[] {
  const hosts = parameters.host?.split(',');
  const addresses = parameters.hostaddr?.split(',');
  const count = (addresses ?? hosts ?? ['']).length;
  if (addresses && hosts && hosts.length !== count)
    throw new SettingError(`it has ${hosts.length} in host and ${count} in hostaddr: expected as many of both`);
  const ports = (parameters.port ?? '').split(',');
  if (ports.length !== 1 && ports.length !== count)
    throw new SettingError(`it has ${ports.length} ports for ${count} hosts: expected one for all, or one for each`);
  const targets = Array.from({ length: count }, (_, index) => {
    const port = toPort(ports[ports.length === 1 ? 0 : index] || DEFAULT_PORT);
    const address = addresses?.[index];
    const host = hosts?.[index] || address || defaultHost(port);
    return { host, port, ...(address && { address }) };
  });
  return parameters.load_balance_hosts === 'random' ? shuffled(targets) : targets;
}

/** Every address of a name is a server of its own where it matters which one answers. @throws the system's error of the look-up. */
export async function addressesOf(target: Target): Promise<readonly Target[]> {
  if (isSocket(target) || target.address !== undefined) return [target];
  const found = await lookup(target.host, { all: true });
  return found.map(({ address }) => ({ ...target, address }));
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new SettingError('a port is no number from 1 to 65535 (not shown)');
  return port;
}

function defaultHost(port: number): string {
  const there = DEFAULT_SOCKET_FOLDERS.find((host) => existsSync(socketPath({ host, port })));
  return there ?? 'localhost';
}

function shuffled(targets: readonly Target[]): readonly Target[] {
  return targets
    .map((target) => ({ target, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ target }) => target);
}
