import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Histogram, Registry } from 'prom-client';

/** How a version answers: the shares of its requests, 0 to 1, to which it answers 500, not at all, or too late. */
export interface Behaviour {
  readonly failing?: number;
  readonly dropping?: number;
  readonly slow?: number;
}

/** The application in a slot: an HTTP server with a metrics page. `/-/restart/2.5.0` makes it another version. */
export interface Application {
  readonly port: number;
  stop(): Promise<void>;
}

/** Longer than the second that docs/routers.md allows. */
const SLOW_MS = 1_500;

export async function startApplication(
  firstVersion: string,
  behaviourOf: (version: string) => Behaviour,
): Promise<Application> {
  let running = startVersion(firstVersion, behaviourOf);
  const server = createServer((request, response) => {
    const [, version] = /^\/-\/restart\/(.+)$/.exec(request.url ?? '') ?? [];
    if (version === undefined) return void running(request, response);
    running = startVersion(version, behaviourOf);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @returns answers its requests, with counts that begin at zero. */
function startVersion(version: string, behaviourOf: (version: string) => Behaviour) {
  const registry = new Registry();
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Durations of requests',
    labelNames: ['version'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  let requests = 0;
  /** Spread over a hundred requests, of which the share is exact. */
  const isOneOf = (share = 0): boolean => (requests * 37) % 100 < share * 100;
  return async ({ url }: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (url === '/metrics') return void response.end(await registry.metrics());
    if (url === '/healthz') return void response.end(version);
    const { failing, dropping, slow } = behaviourOf(version);
    requests += 1;
    if (isOneOf(dropping)) return void response.destroy();
    response.statusCode = isOneOf(failing) ? 500 : 200;
    const ended = durations.startTimer({ version });
    if (isOneOf(slow)) await delay(SLOW_MS);
    ended();
    response.end(version);
  };
}
