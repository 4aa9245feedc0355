import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Blue and green of every service, 20 requests a second each, and the Prometheus that scrapes them, with a record of who read what. */
export interface FleetServices {
  readonly origin: string;
  /** Where deployments read this Prometheus: through here, so that every reading is seen. */
  readonly prometheusUrl: string;
  usePrometheus(url: string): void;
  add(service: string): void;
  /** Green's share of the traffic, 0 to 100. */
  share(service: string): number;
  /** Gives green so much of it. */
  shift(service: string, percentage: number): void;
  /** When the service's metrics were read last, epoch milliseconds; 0 before. */
  lastReadAt(service: string): number;
  /** The worker that read them last. */
  reader(service: string): string;
  /** When that worker read them first, epoch milliseconds. */
  takenOverAt(service: string): number;
  /** From the last reading by the worker before it to its own first one, milliseconds. */
  unreadMs(service: string): number;
  /** From one reading of a service to its next, for all since the last call; milliseconds. */
  takeGaps(): number[];
  /** How many rollbacks were ordered. */
  rollbacks(): number;
  stop(): void;
}

interface Service {
  share: number;
  at: number;
  readonly requests: Record<'blue' | 'green', number>;
  lastReadAt: number;
  reader: string;
  takenOverAt: number;
  unreadMs: number;
}

export const BLUE = '2.4.0';
export const GREEN = '2.5.0';
const REQUESTS_PER_MS = 0.02;
const FAILING_SHARE = 0.001;
/** How many of the requests take at most so many seconds. */
const BUCKETS = [
  ['0.005', 0.01],
  ['0.01', 0.05],
  ['0.025', 0.3],
  ['0.05', 0.6],
  ['0.1', 0.9],
  ['0.25', 0.98],
  ['0.5', 0.995],
  ['1', 1],
  ['2.5', 1],
  ['+Inf', 1],
] as const;
/** Names the worker. */
export const READER_HEADER = 'x-worker';
/** The main reading asks for several metrics by one pattern; other questions about a service are not readings. */
const READING = /__name__=~.*service="([^"]+)"/;

export async function serveFleet(): Promise<FleetServices> {
  const services = new Map<string, Service>();
  const agent = new Agent({ keepAlive: true });
  let prometheus = '';
  let gaps: number[] = [];
  let rollbacks = 0;

  const server = createServer((question, answer) => {
    const url = question.url ?? '';
    if (url.startsWith('/prometheus/')) return forward(url.slice('/prometheus'.length), question, answer);
    const [, what, name = '', value = ''] = url.split('/');
    const service = services.get(name);
    if (what === 'health') return answer.end('ok');
    if (what === 'metrics' && service) return answer.end(pageOf(name, service));
    if (what === 'traffic' && service) return answer.end(trafficOf(service));
    if (what === 'shift' && service) {
      shift(service, Number(value));
      return answer.end('ok');
    }
    answer.writeHead(404).end();
  });

  function shift(service: Service, percentage: number): void {
    grow(service);
    if (service.share > 0 && percentage === 0) rollbacks += 1;
    service.share = percentage;
  }

  function forward(path: string, question: IncomingMessage, answer: ServerResponse): void {
    const [, name = ''] = READING.exec(decodeURIComponent(path.replaceAll('+', ' '))) ?? [];
    const service = services.get(name);
    if (service) {
      const now = Date.now();
      if (service.lastReadAt > 0) gaps.push(now - service.lastReadAt);
      const reader = String(question.headers[READER_HEADER]);
      if (reader !== service.reader) {
        service.takenOverAt = now;
        service.unreadMs = now - service.lastReadAt;
      }
      service.lastReadAt = now;
      service.reader = reader;
    }
    const { method = 'GET', headers } = question;
    const passed = request(`${prometheus}${path}`, { agent, method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    question.pipe(passed);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    prometheusUrl: `${origin}/prometheus`,
    usePrometheus: (url) => {
      prometheus = url;
    },
    add: (service) =>
      services.set(service, {
        share: 0,
        at: Date.now(),
        requests: { blue: 0, green: 0 },
        lastReadAt: 0,
        reader: '',
        takenOverAt: 0,
        unreadMs: 0,
      }),
    share: (service) => services.get(service)?.share ?? 0,
    shift: (name, percentage) => {
      const service = services.get(name);
      if (service) shift(service, percentage);
    },
    reader: (service) => services.get(service)?.reader ?? '',
    takenOverAt: (service) => services.get(service)?.takenOverAt ?? 0,
    unreadMs: (service) => services.get(service)?.unreadMs ?? 0,
    lastReadAt: (service) => services.get(service)?.lastReadAt ?? 0,
    takeGaps: () => {
      const taken = gaps;
      gaps = [];
      return taken;
    },
    rollbacks: () => rollbacks,
    stop: () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

function grow(service: Service): void {
  const now = Date.now();
  const more = (now - service.at) * REQUESTS_PER_MS;
  service.requests.green += (more * service.share) / 100;
  service.requests.blue += (more * (100 - service.share)) / 100;
  service.at = now;
}

function trafficOf({ share }: Service): string {
  return JSON.stringify({ traffic: share === 0 ? { [BLUE]: 100 } : { [BLUE]: 100 - share, [GREEN]: share } });
}

function pageOf(name: string, service: Service): string {
  grow(service);
  const { blue, green } = service.requests;
  return seriesOf(name, BLUE, blue) + (green > 0 || service.share > 0 ? seriesOf(name, GREEN, green) : '');
}

function seriesOf(service: string, version: string, requests: number): string {
  const labels = `service="${service}",version="${version}"`;
  const count = Math.floor(requests);
  const failed = Math.floor(count * FAILING_SHARE);
  const lines = [
    `http_requests_total{${labels},code="200"} ${count - failed}`,
    `http_requests_total{${labels},code="500"} ${failed}`,
    ...BUCKETS.map(
      ([le, part]) => `http_request_duration_seconds_bucket{${labels},le="${le}"} ${Math.floor(count * part)}`,
    ),
    `http_request_duration_seconds_sum{${labels}} ${count * 0.06}`,
    `http_request_duration_seconds_count{${labels}} ${count}`,
  ];
  return `${lines.join('\n')}\n`;
}
