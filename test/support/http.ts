import { createServer, type RequestListener } from 'node:http';
import { afterEach } from '@jest/globals';

/** A real HTTP server, and what it saw. */
export interface TestServer {
  readonly origin: string;
  /** The path of every request, in order. */
  readonly asked: string[];
  connections(): Promise<number>;
  /** Nothing listens at its origin any more when this resolves. */
  close(): Promise<void>;
}

/** How HTTP servers are started in a test file; each ends with its test. */
export function useServers(): (listener: RequestListener) => Promise<TestServer> {
  const servers: TestServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
  return async (listener) => {
    const server = await start(listener);
    servers.push(server);
    return server;
  };
}

async function start(listener: RequestListener): Promise<TestServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    asked,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve()); // also when it is closed already
        server.closeAllConnections();
      }),
  };
}
