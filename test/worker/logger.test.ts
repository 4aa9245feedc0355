import { afterEach, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { LogTimestamp } from '@temporalio/worker';
import { createLogger } from '../../src/worker/logger.ts';
import * as messages from '../../src/workflows/messages.ts';
import { useServers } from '../support/http.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, start, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const temporal = useTemporal();
const serve = useServers();
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** What the SDK says of an activity's attempt. */
const ATTEMPT = {
  sdkComponent: 'worker',
  taskToken: 'CiQwMWEy',
  activityId: '7',
  activityType: 'shiftTraffic',
  workflowId: 'blue-green/production/shop',
  workflowRunId: '01a2261e',
  service: 'shop',
  environment: 'production',
  version: '2.5.0',
};

function logged(env: NodeJS.ProcessEnv = {}) {
  const lines: string[] = [];
  return { lines, log: createLogger(env, (line) => lines.push(line)) };
}

test('a foreseen failure is one line with its message, what it is about and the attempt, and no stack', () => {
  const { lines, log } = logged();
  const error = ApplicationFailure.retryable('the router\nsays no', 'CommandFailed');
  log.warn('Activity failed', { ...ATTEMPT, attempt: 1, error, durationMs: 12 });
  expect(lines).toEqual([
    expect.stringMatching(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z WARN {2}Activity failed: the router says no errorType=CommandFailed service=shop environment=production version=2\.5\.0 activity=shiftTraffic attempt=1 durationMs=12\n$/,
    ),
  ]);
});

test('as JSON it is one object on one line', () => {
  const { lines, log } = logged({ BLUEGREEN_LOG_FORMAT: 'json' });
  log.warn('Activity failed', { ...ATTEMPT, attempt: 3, error: ApplicationFailure.retryable('no', 'CommandFailed') });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: expect.stringMatching(/Z$/),
    level: 'warn',
    message: 'Activity failed',
    problem: 'no',
    errorType: 'CommandFailed',
    service: 'shop',
    environment: 'production',
    version: '2.5.0',
    activity: 'shiftTraffic',
    attempt: 3,
    workflowId: 'blue-green/production/shop',
    runId: '01a2261e',
  });
});

test('an unexpected error has its stack once, also where its message differs', () => {
  const { lines, log } = logged();
  const broken = (what: string) => new TypeError(`${what} is not a function`);
  for (const what of ['red', 'blue']) log.error('Worker failed', { error: broken(what) });
  expect(lines[0]).toMatch(
    /^\S+ ERROR Worker failed: red is not a function errorType=TypeError\n {4}TypeError.*\n {4}at /,
  );
  expect(lines[1]).toMatch(/^\S+ ERROR Worker failed: blue is not a function errorType=TypeError\n$/);
});

test('the cause of an error is part of its line, and a secret is not', () => {
  const { lines, log } = logged({ ROUTER_TOKEN: 'hunter2hunter2' });
  const cause = new Error('connect ECONNREFUSED with hunter2hunter2');
  log.warn('Activity failed', { ...ATTEMPT, attempt: 1, error: new TypeError('fetch failed', { cause }) });
  expect(lines[0]).toContain('Activity failed: fetch failed: connect ECONNREFUSED with [redacted] ');
  expect(lines.join('')).not.toContain('hunter2');
});

test('the same failure of many attempts is written less and less often, another one at once', () => {
  const { lines, log } = logged();
  const fail = (attempt: number, problem: string, activityId = '7') =>
    log.warn('Activity failed', { ...ATTEMPT, activityId, attempt, error: ApplicationFailure.retryable(problem) });
  for (let attempt = 1; attempt <= 100; attempt += 1) fail(attempt, 'no route');
  fail(101, 'no disk');
  fail(1, 'no route', '8');
  const attempts = lines.map((line) => Number(/attempt=(\d+)/.exec(line)?.[1]));
  expect(attempts).toEqual([1, 2, 4, 8, 16, 32, 64, 101, 1]);
});

test('that Temporal is away is one line a minute, whatever the pollers of the SDK say', () => {
  const { lines, log } = logged();
  const status =
    'Status { code: Unavailable, message: "tcp connect error", source: Some(tonic::transport::Error(Transport, ' +
    'ConnectError(ConnectError("tcp connect error", 127.0.0.1:7233, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" })))) }';
  for (let seconds = 0; seconds < 130; seconds += 1)
    for (const poller of ['poll_activity_task_queue', 'poll_workflow_task_queue'])
      log.warn(`gRPC call ${poller} retried ${6 + seconds} times`, {
        [LogTimestamp]: BigInt(seconds) * 1_000_000_000n,
        error: status,
      });
  const line =
    'Temporal does not answer; the worker tries again until it does: Unavailable: tcp connect error (Connection refused)';
  expect(lines).toEqual(['00:00', '01:00', '02:00'].map((at) => `1970-01-01T00:${at}.000Z WARN  ${line}\n`));
  log.warn('something else', { error: 'Status { no: such }' });
  expect(lines.at(-1)).toContain('something else: Status { no: such }');
});

test('text of others cannot rewrite a terminal or begin a line of its own', () => {
  const { lines, log } = logged();
  log.info('deploying', { by: 'eve\u001b[2J\nERROR all is lost', what: { a: [1n] } });
  expect(lines[0]).toMatch(/^\S+ INFO {2}deploying by="eve \[2J ERROR all is lost" what="\{ a: \[ 1n \] \}"\n$/);
});

test('what is not severe enough is not written, and an unknown format or level is refused', () => {
  const { lines, log } = logged({ BLUEGREEN_LOG_LEVEL: 'warn' });
  log.info('Worker state changed', { state: 'RUNNING' });
  expect(lines).toEqual([]);
  expect(() => createLogger({ BLUEGREEN_LOG_LEVEL: 'loud' })).toThrow(
    'BLUEGREEN_LOG_LEVEL is "loud", expected one of debug, info, warn, error',
  );
  expect(() => createLogger({ BLUEGREEN_LOG_FORMAT: 'yaml' })).toThrow(
    'BLUEGREEN_LOG_FORMAT is "yaml", expected one of text, json',
  );
});

test.each(['text', 'json'])(
  'a real worker logs a deployment that is rolled back in few lines, as %s',
  async (format) => {
    const [service, taskQueue] = [uniqueService(), uniqueQueue()];
    let refusals = 5;
    const channel = await serve((request, response) => {
      request.resume();
      response.writeHead(refusals-- > 0 ? 503 : 200).end();
    });
    const production = await startLittleProduction(service, { notifications: [{ kind: 'webhook', urlEnv: 'HOOK' }] });
    cleanUps.push(() => production.stop());
    const env = { ...production.env, HOOK: channel.origin, BLUEGREEN_LOG_FORMAT: format };
    const worker = startWorkerProcess(taskQueue, env);
    cleanUps.push(() => worker.kill('SIGKILL'));
    production.misbehave('shift', 'fail', 1);
    const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
    await observe(handle).untilPhase('checking');
    await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
    await handle.result().catch(() => {});
    await worker.kill('SIGTERM');

    expect(channel.asked.length).toBeGreaterThan(5);
    const lines = worker.log().trimEnd().split('\n');
    const about = format === 'json' ? `"service":"${service}"` : `service=${service}`;
    const ends = lines.filter((line) => line.includes('The deployment is rolled-back: '));
    expect(ends).toEqual([expect.stringContaining(about)]);
    expect(lines.filter((line) => /shiftTraffic/.test(line))).toEqual([
      expect.stringMatching(/Activity failed.*the platform says no.*2\.5\.0.*attempt"?[=:]1/),
    ]);
    // One of five attempts in a row is not worth a line of its own, and neither is the SDK's word on the same end.
    expect(lines.filter((line) => /Activity failed.*HTTP status 503/.test(line)).length).toBeLessThan(5);
    expect(lines.length).toBeLessThan(20);
    for (const line of lines)
      if (format === 'json')
        expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), level: expect.any(String) });
      else expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z (INFO |WARN |ERROR) \S/);
  },
);
