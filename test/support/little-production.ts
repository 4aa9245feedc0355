import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

/** A command that reached the platform. */
interface AuditEntry {
  readonly command: string;
  readonly argument?: string;
  readonly operation?: string;
  readonly attempt?: number;
}

/**
 * A platform, a service and its metrics behind one HTTP server, without a database: real commands, real HTTP, traffic
 * by the clock. For tests of what the sandbox is too slow or too healthy for.
 */
export interface LittleProduction {
  readonly service: string;
  /** What a worker needs in its environment, the folder of runbooks included. */
  readonly env: Readonly<Record<string, string>>;
  readonly audit: readonly AuditEntry[];
  /** Green's share of the traffic, 0 to 1. */
  share(): number;
  /** Requests of a version so far, exactly. */
  requests(version: string): number;
  /** From now on so many of a version's requests fail. */
  fail(version: string, share: number): void;
  /** The next commands of this name hang until the worker's death or time-out ends them, or fail, or do nothing. */
  misbehave(command: string, how: 'hang' | 'fail' | 'lie' | 'well'): void;
  stop(): Promise<void>;
}

const REQUESTS_PER_MS = 0.2;
const BLUE = '2.4.0';
const GREEN = '2.5.0';

export async function startLittleProduction(
  service: string,
  changes: Record<string, unknown> = {},
): Promise<LittleProduction> {
  const counters = new Map([BLUE, GREEN].map((version) => [version, { requests: 0, failed: 0, failing: 0 }]));
  const audit: AuditEntry[] = [];
  const behaviour = new Map<string, string>();
  const startedAt = Date.now();
  let share = 0;
  let greenRuns = false;
  let countedUntil = Date.now();

  const countUp = (): void => {
    const total = (Date.now() - countedUntil) * REQUESTS_PER_MS;
    countedUntil = Date.now();
    for (const [version, counter] of counters) {
      const more = total * (version === GREEN ? share : 1 - share);
      counter.requests += more;
      counter.failed += more * counter.failing;
    }
  };

  const act = (command: string, argument: string): string => {
    if (command === 'deploy') greenRuns = true;
    if (command === 'shift') share = Number(argument) / 100;
    if (command === 'rollback') {
      share = 0;
      greenRuns = false;
    }
    const green = greenRuns ? { [GREEN]: share * 100 } : {};
    return JSON.stringify({ traffic: { [BLUE]: 100 - share * 100, ...green } });
  };

  const page = (): string => {
    const lines = [`process_start_time_seconds ${startedAt / 1_000}`, '# TYPE http_requests_total counter'];
    for (const [version, { requests, failed }] of counters) {
      lines.push(`http_requests_total{version="${version}",code="200"} ${Math.floor(requests) - Math.floor(failed)}`);
      lines.push(`http_requests_total{version="${version}",code="500"} ${Math.floor(failed)}`);
    }
    return `${lines.join('\n')}\n`;
  };

  const server = createServer((request, response) => {
    void answer(request).then(({ status, text }) => response.writeHead(status).end(text));
  });
  const answer = async (request: IncomingMessage): Promise<{ status: number; text: string }> => {
    countUp();
    if (request.url === '/metrics') return { status: 200, text: page() };
    if (request.url?.startsWith('/health/')) return { status: 200, text: 'ok' };
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const entry = JSON.parse(body) as AuditEntry;
    if (entry.command !== 'status') audit.push(entry);
    const how = behaviour.get(entry.command) ?? 'well';
    if (how === 'hang') return new Promise(() => {});
    if (how === 'fail') return { status: 500, text: 'the platform says no' };
    if (how === 'lie') return { status: 200, text: 'done' };
    return { status: 200, text: act(entry.command, entry.argument ?? '') };
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const directory = await mkdtemp(join(tmpdir(), 'bluegreen-little-'));
  await writeFile(join(directory, 'runbook.yaml'), stringify({ ...littleRunbook(service, url), ...changes }));

  return {
    service,
    env: { LITTLE_PRODUCTION: url, BLUEGREEN_RUNBOOKS: directory, BLUEGREEN_STATE: join(directory, 'state') },
    audit,
    share: () => share,
    requests: (version) => {
      countUp();
      return Math.floor(counters.get(version)?.requests ?? 0);
    },
    fail: (version, failing) => {
      countUp();
      const counter = counters.get(version);
      if (counter) counter.failing = failing;
    },
    misbehave: (command, how) => {
      behaviour.set(command, how);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function littleRunbook(service: string, url: string) {
  const program = fileURLToPath(new URL('./little-command.mjs', import.meta.url));
  const command = (...rest: string[]) => [process.execPath, program, ...rest];
  return {
    service,
    environment: 'production',
    platform: {
      kind: 'command',
      deploy: command('deploy', '{version}'),
      shiftTraffic: command('shift', '{percentage}'),
      rollback: command('rollback', '{service}'),
      status: command('status', '{service}'),
      health: { url: `${url}/health/{version}` },
    },
    metrics: { kind: 'scrape', targets: [`${url}/metrics`], requests: 'http_requests_total', poll: '200ms' },
    limits: { errorRate: '5%' },
    judge: { batch: '400ms', minRequests: 20, breachesInARow: 3 },
    traffic: [
      { percentage: 50, soak: '2s', approval: {} },
      { percentage: 100, soak: '2s' },
    ],
    watch: { window: '2s', gateWindow: '1m', blind: '1m' },
    recovery: { target: '90s', round: '1m', pause: '2s', guard: '2s' },
    checklist: [
      {
        id: 'load-test',
        title: 'Conduct load testing',
        group: 'Testing',
        kind: 'attestation',
        statement: 'It was done',
      },
    ],
  };
}
