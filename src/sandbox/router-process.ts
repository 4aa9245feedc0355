import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Agent } from 'undici';
import { runChild } from './child.ts';
import { createPicker, type RouterConfig, type RouterOrder } from './router.ts';

/** Splits the traffic between the versions and counts what came of it. */

/** A version that takes longer hangs. Shorter than the customers' patience: so that a hang is counted, as 504. */
const UPSTREAM_TIMEOUT_MS = 3_000;

const registry = new Registry();
const registers = [registry];
const requests = new Counter({
  name: 'http_requests_total',
  help: 'Requests answered, by version and status code.',
  labelNames: ['version', 'code'],
  registers,
});
const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Time to the complete answer, failures included.',
  labelNames: ['version'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  registers,
});
new Gauge({ name: 'process_start_time_seconds', help: 'When the router started; counters began at 0.', registers }).set(
  Date.now() / 1000 - process.uptime(),
);

const agent = new Agent({ keepAliveTimeout: 30_000 });
const pick = createPicker();
let turn = 0;
let { routes, staging }: RouterOrder = { routes: [], staging: [] };
const server = createServer((request, response) => void answer(request, response));

runChild<RouterConfig, RouterOrder>({
  start: ({ port }) =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  obey(given) {
    for (const { version } of given.routes) {
      // From 0 on: otherwise the difference of two readings would lack a version's first requests.
      requests.inc({ version, code: '200' }, 0);
      if (!routes.some((known) => known.version === version)) durations.zero({ version });
    }
    ({ routes, staging } = given);
  },
  end: async () => undefined,
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array | string;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, type, body } = await outcome(request.method ?? 'GET', request.url ?? '/');
  response.writeHead(status, { 'content-type': type }).end(body);
}

async function outcome(method: string, path: string): Promise<Answer> {
  if (method !== 'GET') return text(405, 'the sandbox knows only GET');
  if (path === '/metrics') return { status: 200, type: registry.contentType, body: await registry.metrics() };
  const [, place, name, rest = '/'] = /^\/-\/(versions|staging)\/([^/]+)(\/.*)$/.exec(path) ?? [];
  if (place) {
    const found = (place === 'staging' ? staging : routes).find(({ version }) => version === name);
    return found ? forward(found, rest) : text(404, `version ${name} is not running`);
  }
  const route = pick(routes);
  if (!route) return text(503, 'no version is running');
  const endTimer = durations.startTimer({ version: route.version });
  const result = await forward(route, path);
  endTimer();
  requests.inc({ version: route.version, code: String(result.status) });
  return result;
}

/** Takes the whole answer before it passes anything on: so that one that breaks off in the middle is a 502 to everyone. */
async function forward({ version, origins }: RouterOrder['staging'][number], path: string): Promise<Answer> {
  turn += 1;
  const origin = origins[turn % origins.length];
  if (origin === undefined) return text(503, `version ${version} is not ready`);
  const signal = AbortSignal.timeout(UPSTREAM_TIMEOUT_MS);
  try {
    const { statusCode, headers, body } = await agent.request({ origin, path, method: 'GET', signal });
    const type = headers['content-type'];
    return {
      status: statusCode,
      type: typeof type === 'string' ? type : 'application/octet-stream',
      body: await body.bytes(),
    };
  } catch {
    if (signal.aborted) return text(504, `version ${version} did not answer in ${UPSTREAM_TIMEOUT_MS / 1_000} s`);
    return text(502, `version ${version} cannot be reached or broke off`);
  }
}

function text(status: number, words: string): Answer {
  return { status, type: 'text/plain', body: `${words}\n` };
}
