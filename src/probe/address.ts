import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

/**
 * Connects to the host and port of a URL, for https with a TLS handshake, and sends nothing more.
 * @throws the system's error; the signal's reason when that aborts.
 */
export async function connectTo(url: string, caFile: string | undefined, signal: AbortSignal): Promise<void> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const isTls = protocol === 'https:';
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
  const target = { host, port: Number(port || (isTls ? 443 : 80)) };
  const socket = isTls
    ? connectTls({ ...target, ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }), ...(ca && { ca }) })
    : connectTcp(target);
  const giveUp = () => socket.destroy(new Error('no answer in time'));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(isTls ? 'secureConnect' : 'connect', resolve).once('error', reject);
    });
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}
