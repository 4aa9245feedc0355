import { once } from 'node:events';
import { createServer } from 'node:net';

/** One that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('a listening server has an address');
  return address.port;
}

const [LOWEST, HIGHEST] = [16_384, 32_767];

/** So many of them, none over 32,767. */
export async function freeLowPorts(number: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < number) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
