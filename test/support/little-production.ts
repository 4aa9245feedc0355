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
  /** How often a command, or the page `metrics` or `health`, was asked for so far. */
  asked(name: string): number;
  /** From now on so many requests come in; 200 to begin with. */
  demand(requestsPerSecond: number): void;
  /** From now on so many of a version's requests fail. */
  fail(version: string, share: number): void;
  /** From now on so many of a version's requests take a second instead of a tenth. */
  slow(version: string, share: number): void;
  /** While `isHeld`, the page says nothing new of how long requests took, as a gateway does between two flushes. */
  holdDurations(isHeld: boolean): void;
  /** From now on so many of a version's checkouts fail, which are a quarter of its requests; the requests themselves do not. */
  failCheckouts(version: string, share: number): void;
  /** What a version says of its memory from now on. */
  memory(version: string, bytes: number): void;
  /** Somebody else moves the traffic: green runs and gets so many percent. */
  move(percentage: number): void;
  /**
   * The next commands of this name, or so many of them, hang until the worker's death or time-out ends them, or fail, or
   * do nothing; so do the pages `metrics` and `health`. A `late` command hangs, and takes effect when it lands. A `flood`
   * answers with nine megabytes made to keep a worker busy.
   */
  misbehave(name: string, how: Behaviour, times?: number): void;
  /** From now on a command runs on until this is done, and only then gets its answer. */
  beforeAnswering(look: () => Promise<void>): void;
  /** Whether a version was stopped by the command of `WITH_STOP`. */
  isStopped(version: string): boolean;
  /** What hung as `late` takes effect now, whoever waits for it still. */
  land(): void;
  stop(): Promise<void>;
}

type Behaviour = 'hang' | 'fail' | 'lie' | 'late' | 'flood' | 'empty' | 'well';

const REQUESTS_PER_SECOND = 200;
const BLUE = '2.4.0';
const GREEN = '2.5.0';
const SLOTS: Readonly<Record<string, string>> = { [BLUE]: 'shop-a', [GREEN]: 'shop-b' };
/** The smallest samples there are, and a number that is none. */
const FLOOD = `${'a 1\n'.repeat(1_000_000)}http_requests_total{version="2.5.0",code="200"} ${'1'.repeat(5_000_000)}x\n`;
const CHECKOUTS = 0.25;
const NOTHING_YET = { requests: 0, failed: 0, failing: 0, slow: 0, slowing: 0, lost: 0, losing: 0, memory: 1e9 };

const PROGRAM = fileURLToPath(new URL('./little-command.mjs', import.meta.url));
/** For a runbook's `workload`: a command that stops a version. */
export const WITH_STOP = { stop: [process.execPath, PROGRAM, 'stop', '{version}'], env: ['LITTLE_PRODUCTION'] };

/** `changes` replace what the runbook has; two sections with keys become one. */
export async function startLittleProduction(
  service: string,
  changes: Record<string, unknown> = {},
): Promise<LittleProduction> {
  const counters = new Map([BLUE, GREEN].map((version) => [version, { ...NOTHING_YET }]));
  const audit: AuditEntry[] = [];
  const behaviour = new Map<string, { readonly how: Behaviour; times: number }>();
  const late: (() => void)[] = [];
  const asked = new Map<string, number>();
  let look: (() => Promise<void>) | undefined;
  const startedAt = Date.now();
  let requestsPerSecond = REQUESTS_PER_SECOND;
  let share = 0;
  let greenRuns = false;
  const stopped = new Set<string>();
  let countedUntil = Date.now();
  let held: Map<string, Pick<typeof NOTHING_YET, 'requests' | 'slow'>> | undefined;

  const countUp = (): void => {
    const total = ((Date.now() - countedUntil) / 1_000) * requestsPerSecond;
    countedUntil = Date.now();
    for (const [version, counter] of counters) {
      const more = total * (version === GREEN ? share : 1 - share);
      counter.requests += more;
      counter.failed += more * counter.failing;
      counter.slow += more * counter.slowing;
      counter.lost += CHECKOUTS * more * counter.losing;
    }
  };
  /** A version's counters as they are now. */
  const counterOf = (version: string) => {
    countUp();
    return counters.get(version) ?? { ...NOTHING_YET };
  };
  const move = (percentage: number): void => {
    countUp();
    greenRuns = true;
    share = percentage / 100;
  };

  const act = (command: string, argument: string): string => {
    if (command === 'deploy') {
      greenRuns = true;
      stopped.delete(argument);
    }
    if (command === 'shift') move(Number(argument));
    if (command === 'stop') stopped.add(argument);
    if (command === 'rollback') {
      share = 0;
      greenRuns = false;
    }
    const green = greenRuns ? { [GREEN]: share * 100 } : {};
    return JSON.stringify({ traffic: { [BLUE]: 100 - share * 100, ...green } });
  };

  const page = (): string => {
    const lines = [`process_start_time_seconds ${startedAt / 1_000}`, '# TYPE http_requests_total counter'];
    for (const [version, counter] of counters) {
      const label = `version="${version}",tag="v${version}",slot="${SLOTS[version]}"`;
      const requests = Math.floor(counter.requests);
      const failed = Math.floor(counter.failed);
      const durations = held?.get(version) ?? counter;
      const timed = Math.floor(durations.requests);
      const slow = Math.floor(durations.slow);
      lines.push(
        `http_requests_total{${label},code="200"} ${requests - failed}`,
        `http_requests_total{${label},code="500"} ${failed}`,
        `checkouts_total{${label},result="ok"} ${Math.floor(CHECKOUTS * counter.requests) - Math.floor(counter.lost)}`,
        `checkouts_total{${label},result="error"} ${Math.floor(counter.lost)}`,
        `memory_bytes{${label}} ${counter.memory}`,
        `http_request_duration_seconds_bucket{${label},le="0.5"} ${timed - slow}`,
        `http_request_duration_seconds_bucket{${label},le="+Inf"} ${timed}`,
        `http_request_duration_seconds_sum{${label}} ${(timed - slow) * 0.1 + slow}`,
      );
    }
    return `${lines.join('\n')}\n`;
  };

  const server = createServer((request, response) => {
    void answer(request).then(({ status, text }) => response.writeHead(status).end(text));
  });
  const answer = async (request: IncomingMessage): Promise<{ status: number; text: string }> => {
    countUp();
    const [, name = '', version = ''] = request.url?.split('/') ?? [];
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const argument = request.method === 'POST' ? take(JSON.parse(body) as AuditEntry) : '';
    asked.set(name, (asked.get(name) ?? 0) + 1);
    if (request.method === 'POST') await look?.();
    const how = next(name);
    if (how === 'late') late.push(() => act(name, argument));
    if (how === 'hang' || how === 'late') return new Promise(() => {});
    if (how === 'fail') return { status: 500, text: 'the platform says no' };
    if (how === 'lie') return { status: 200, text: 'done' };
    if (how === 'empty') return { status: 200, text: '{"traffic": {}}' };
    if (how === 'flood') return { status: 200, text: FLOOD };
    if (name === 'health' && stopped.has(version)) return { status: 503, text: 'stopped' };
    return { status: 200, text: name === 'metrics' ? page() : act(name, argument) };
  };
  const next = (name: string): Behaviour => {
    const planned = behaviour.get(name);
    if (planned === undefined || planned.times === 0) return 'well';
    planned.times -= 1;
    return planned.how;
  };
  const take = (entry: AuditEntry): string => {
    if (entry.command !== 'status') audit.push(entry);
    return entry.argument ?? '';
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const directory = await mkdtemp(join(tmpdir(), 'bluegreen-little-'));
  await writeFile(join(directory, 'runbook.yaml'), stringify(withChanges(littleRunbook(service, url), changes)));

  return {
    service,
    env: { LITTLE_PRODUCTION: url, BLUEGREEN_RUNBOOKS: directory, BLUEGREEN_STATE: join(directory, 'state') },
    audit,
    share: () => share,
    requests: (version) => Math.floor(counterOf(version).requests),
    asked: (name) => asked.get(name) ?? 0,
    demand: (perSecond) => {
      countUp();
      requestsPerSecond = perSecond;
    },
    fail: (version, failing) => {
      counterOf(version).failing = failing;
    },
    slow: (version, slowing) => {
      counterOf(version).slowing = slowing;
    },
    holdDurations: (isHeld) => {
      countUp();
      held = isHeld ? new Map([...counters].map(([version, counter]) => [version, { ...counter }])) : undefined;
    },
    failCheckouts: (version, losing) => {
      counterOf(version).losing = losing;
    },
    memory: (version, bytes) => {
      counterOf(version).memory = bytes;
    },
    move,
    misbehave: (name, how, times = Number.POSITIVE_INFINITY) => {
      behaviour.set(name, { how, times });
    },
    beforeAnswering: (lookFirst) => {
      look = lookFirst;
    },
    isStopped: (version) => stopped.has(version),
    land: () => {
      for (const takeEffect of late.splice(0)) takeEffect();
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function withChanges(runbook: Readonly<Record<string, unknown>>, changes: Readonly<Record<string, unknown>>) {
  const isSection = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const merged = Object.entries(changes).map(([key, change]) => {
    const before = runbook[key];
    return [key, isSection(before) && isSection(change) ? Object.assign({}, before, change) : change];
  });
  return { ...runbook, ...Object.fromEntries(merged) };
}

function littleRunbook(service: string, url: string) {
  const command = (...rest: string[]) => [process.execPath, PROGRAM, url, ...rest];
  return {
    service,
    environment: 'production',
    workload: {
      kind: 'command',
      deploy: command('deploy', '{version}'),
      health: { url: `${url}/health/{version}` },
    },
    router: {
      kind: 'command',
      shiftTraffic: command('shift', '{percentage}'),
      rollback: command('rollback', '{service}'),
      status: command('status', '{service}'),
    },
    metrics: { kind: 'scrape', targets: [`${url}/metrics`], requests: 'http_requests_total', poll: '200ms' },
    limits: { errorRate: '5%' },
    judge: { rule: 'threshold', batch: '400ms', minRequests: 20, breachesInARow: 3 },
    traffic: [
      { percentage: 50, soak: '2s', approval: {} },
      { percentage: 100, soak: '2s' },
    ],
    // Soaks as short as these need all the time there is where the machine is busy.
    watch: { window: '2s', gateWindow: '1m', maxUnwatched: '1m', maxSoakFactor: 10 },
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
