import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../src/sandbox/program.ts';

/** What stands between a worker and a server of its own: it may break. */
export interface Link {
  readonly port: number;
  /** Nothing listens any more, and what was open is closed. */
  cut(): Promise<void>;
  /** Connections are taken, and nothing comes back. */
  hang(): void;
  heal(): Promise<void>;
}

export async function startLink(to: number): Promise<Link> {
  const port = await freePort();
  const open = new Set<Socket>();
  let hangs = false;
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        open.delete(socket);
        if (hangs) return;
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (data) => {
      if (!hangs) near.write(data);
    });
  });
  const listen = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen();
  const cut = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return {
    port,
    cut,
    hang: () => {
      hangs = true;
    },
    heal: async () => {
      hangs = false;
      for (const socket of open) socket.destroy();
      if (!server.listening) await listen();
    },
  };
}
