import { setTimeout as sleep } from 'node:timers/promises';
import type { DeploymentTarget } from '../../domain/index.ts';
import { type Check, type CheckContext, checkKind, type Finding } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { headersOf, readBasic, readCa, readToken } from '../../prometheus/index.ts';
import { placeholders } from '../placeholders.ts';
import { dataVolume } from '../postgres/data-volume.ts';
import { createClient } from './client.ts';
import { type Asked, byKind, judgeLoad } from './findings.ts';
import { limitsOf } from './limits.ts';
import { startOpenLoop } from './open-loop.ts';
import { NOT_SENT } from './outcome.ts';
import { createRequestPicker } from './requests.ts';
import { type Config, schema } from './schema.ts';
import { createTally, type LoadNumbers } from './tally.ts';
import { readValues } from './values.ts';

export const loadTest = checkKind({
  kind: 'load-test',
  summary: 'Green keeps its limits under load in staging.',
  schema,
  secretKeys: ['target', 'auth', 'headers', 'body', 'contains', 'caFile', 'values'],
  databases: ({ dataVolume: volumes }) =>
    volumes.map(({ database }, index) => ({ path: ['dataVolume', index, 'database'], database })),
  create,
});

/** A customer has given up by then. Longer if the runbook's limit is higher: slow requests must not count as hanging. */
const PATIENCE_MS = 5_000;
/** Cold caches and unopened connections are not what production looks like: not counted, a tenth of the load at most. */
const LONGEST_WARM_UP_MS = 2_000;
/** As many connections as a machine readily opens. */
const MOST_IN_FLIGHT = 1_000;
/** Enough to see that nobody answers there, without a minute of errors. */
const FIRST_REQUESTS = 3;
const BEAT_MS = 1_000;

/**
 * Green on staging, with enough data, keeps its limits under load. Sends at a constant rate, even if answers are slow, and
 * compares failures, latency and the rate of answers with the limits.
 */
function create(config: Config): Check {
  return async (context) => {
    const { run } = context;
    const deadline = AbortSignal.timeout(config.timeout);
    const signal = AbortSignal.any([run.signal, deadline]);
    try {
      const volume = await dataVolume(config.dataVolume, context, signal);
      if (!volume.passed)
        return { ...volume, summary: `too little data on staging, no load was sent: ${volume.summary}` };
      const finding = await underLoad(config, context, signal);
      return { ...finding, evidence: [...finding.evidence, ...volume.evidence] };
    } catch (error) {
      run.signal.throwIfAborted();
      if (deadline.aborted) return outOfTime(config);
      throw error;
    }
  };
}

async function underLoad(config: Config, context: CheckContext, signal: AbortSignal): Promise<Finding> {
  const asked: Asked = {
    requestsPerSecond: config.requestsPerSecond,
    durationMs: config.duration,
    warmUpMs: config.ramp ?? Math.min(LONGEST_WARM_UP_MS, config.duration / 10),
    rampMs: config.ramp,
    limits: limitsOf(config, context),
  };
  const timeoutMs = Math.max(PATIENCE_MS, 2 * (asked.limits.latency?.underMs ?? 0));
  const nextRequest = createRequestPicker(config, {
    values: config.values === undefined ? [] : await readValues(config.values),
    auth: authorizationOf(config, context.env),
    env: context.env,
  });
  const ca = config.caFile === undefined ? undefined : await readCa(config.caFile);
  const clients = targetUrls(config, context.target).map((target) => createClient({ target, timeoutMs, ca }));
  const send = (): Promise<string | undefined> => {
    const client = clients[Math.floor(Math.random() * clients.length)];
    return client ? client.send(nextRequest()) : Promise.resolve(NOT_SENT);
  };
  const close = async () => void (await Promise.all(clients.map((client) => client.close())));
  const breakOff = () => void close();
  signal.addEventListener('abort', breakOff, { once: true });
  try {
    signal.throwIfAborted();
    context.run.heartbeat({ doing: 'trying the target' });
    const unusable = await tryTarget(send, config);
    signal.throwIfAborted();
    if (unusable) return unusable;
    const numbers = await drive({ send, asked, run: context.run, signal });
    signal.throwIfAborted();
    return judgeLoad(numbers, asked);
  } finally {
    signal.removeEventListener('abort', breakOff);
    await close();
  }
}

/** A finding if none of a few requests succeeds. */
async function tryTarget(send: Drive['send'], { paths }: Config): Promise<Finding | undefined> {
  const answers = await Promise.all(Array.from({ length: FIRST_REQUESTS }, send));
  const failedBy: Record<string, number> = {};
  for (const failure of answers) {
    if (failure === undefined) return undefined;
    failedBy[failure] = (failedBy[failure] ?? 0) + 1;
  }
  const measured = `failed${byKind(failedBy)}`;
  return {
    passed: false,
    summary: `the first ${FIRST_REQUESTS} requests to the target ${measured}; no load was sent`,
    evidence: [{ what: `the first ${FIRST_REQUESTS} requests`, measured, required: 'one answered as expected' }],
    unblock: unblockOf(failedBy, paths),
  };
}

/** An answer came: then it is the request that is wrong, more often than the target. */
function unblockOf(failedBy: Readonly<Record<string, number>>, paths: Config['paths']): string {
  const [failure = ''] = Object.keys(failedBy);
  if (/^answered 40[13]/.test(failure))
    return 'give the load test a login (auth or headers) that may do this on staging, then check again';
  const expected = paths.some(({ status, contains }) => status ?? contains) ? ', status and contains' : '';
  return `start green on staging, or correct target and paths${expected} of this check in the runbook, then check again`;
}

interface Drive {
  /** Sends one request. Resolves to what failed, undefined if nothing did; never rejects. */
  readonly send: () => Promise<string | undefined>;
  readonly asked: Asked;
  readonly run: CheckContext['run'];
  readonly signal: AbortSignal;
}

/** Returns early, with meaningless numbers, when the signal aborts. The caller also closes the client then. */
async function drive({ send, asked, run, signal }: Drive): Promise<LoadNumbers> {
  const { requestsPerSecond, durationMs, warmUpMs, rampMs, limits } = asked;
  const ofMs = warmUpMs + durationMs;
  const tally = createTally({ slowOverMs: limits.latency?.underMs ?? Number.POSITIVE_INFINITY });
  const beganAt = performance.now();
  const loop = startOpenLoop({
    requestsPerSecond,
    mostInFlight: MOST_IN_FLIGHT,
    endAfterMs: ofMs,
    send,
    ...(rampMs !== undefined && { rampMs }),
    settled: (outcome) => {
      if (outcome.dueMs >= warmUpMs) tally.count(outcome);
    },
  });
  signal.addEventListener('abort', loop.stop, { once: true });
  try {
    const done = loop.done.then(() => true);
    // Here and not in a timer: an error of the heartbeat has to reach the caller.
    while (!(await Promise.race([done, sleep(BEAT_MS, false, { ref: false })]))) {
      const elapsedMs = Math.round(performance.now() - beganAt);
      const { requests, failed, p95Ms } = tally.numbers();
      run.heartbeat({ doing: doing(elapsedMs, asked), elapsedMs, ofMs, requests, failed, p95Ms });
    }
    return tally.numbers();
  } finally {
    signal.removeEventListener('abort', loop.stop);
    loop.stop();
  }
}

function doing(elapsedMs: number, { warmUpMs, rampMs, durationMs }: Asked): string {
  if (elapsedMs < warmUpMs) return rampMs === undefined ? 'warming up' : 'raising the rate';
  return elapsedMs < warmUpMs + durationMs ? 'sending load' : 'waiting for the last answers';
}

function authorizationOf({ auth }: Config, env: NodeJS.ProcessEnv): Record<string, string> {
  if (!auth) return {};
  const { authorization = '' } = headersOf(
    'tokenEnv' in auth ? { token: readToken(env, auth.tokenEnv) } : { basic: readBasic(env, auth.basicEnv) },
  );
  return { authorization };
}

/** @throws Error without the URL: what is thrown ends in a history. */
function targetUrls(config: Config, target: DeploymentTarget): readonly URL[] {
  const values = Object.entries(placeholders(target)).map(([key, value]) => [key, encodeURIComponent(value)]);
  return fillPlaceholders([config.target].flat(), Object.fromEntries(values)).map((url) => {
    if (URL.canParse(url)) return new URL(url);
    throw new Error(
      `the target of check ${config.id} is no URL with its placeholders filled; correct it in the runbook`,
    );
  });
}

function outOfTime({ timeout, duration }: Config): Finding {
  return {
    passed: false,
    summary: `the load test did not end within its time-out of ${timeout / 1_000} s`,
    evidence: [
      { what: 'time', measured: 'not ended', required: `within ${timeout / 1_000} s`, source: 'runbook' },
      { what: 'length of the load', measured: `${duration / 1_000} s`, source: 'runbook' },
    ],
    unblock: 'raise timeout of this check in the runbook, or shorten its duration, then check again',
  };
}
