import { createServer, type RequestListener, type Server } from 'node:http';

/** A real HTTP server, and what it saw. */
export interface TestServer {
  readonly origin: string;
  /** The path of every request, in order. */
  readonly asked: string[];
  connections(): Promise<number>;
}

const servers: Server[] = [];

export async function serve(listener: RequestListener): Promise<TestServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    asked,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
  };
}

/** Nothing listens at its origin any more when this resolves. */
export async function closeServers(): Promise<void> {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
}
