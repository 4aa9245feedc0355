import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Info } from '@temporalio/activity';
import { ActivityExecutionFailedError } from '@temporalio/client';
import { onlyForDeployments } from '../../src/activities/authorize.ts';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { rolledBack, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';

const temporal = useTemporal();

interface Payload {
  readonly metadata: Record<string, Uint8Array>;
  readonly data: Uint8Array;
}

function json(value: unknown): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
}

const TARGET = {
  deployment: 'blue-green/production/shop/run',
  service: 'shop',
  environment: 'production',
  blue: '2.4.0',
  green: '2.5.0',
  digest: 'd'.repeat(64),
};

describe('a real worker', () => {
  const service = uniqueService();
  const taskQueue = `starts-${randomUUID()}`;
  let production: LittleProduction;
  let worker: WorkerProcess;
  beforeAll(async () => {
    production = await startLittleProduction(service);
    worker = startWorkerProcess(taskQueue, production.env);
  });
  afterAll(async () => {
    await worker.kill('SIGKILL');
    await production.stop();
  });

  const target = { ...TARGET, deployment: `blue-green/production/${service}/run`, service };
  test.each([
    ['shiftTraffic', { target, percentage: 100, timeoutMs: 60_000 }],
    ['deployGreen', { target: { ...target, green: '--force' }, timeoutMs: 60_000 }],
    ['restoreTraffic', { target, round: 1, until: Date.now() + 60_000 }],
    ['runRemedy', { target, checkId: 'load-test' }],
    ['resolvePlan', { service, version: '2.5.0' }],
    ['notify', { target, severity: 'critical', text: 'all is well' }],
  ])('refuses a single activity that somebody starts, and does nothing: %s', async (activity, input) => {
    const id = `${activity}-${randomUUID()}`;
    const result = temporal.client().activity.execute(activity, {
      id,
      taskQueue,
      args: [input],
      scheduleToCloseTimeout: 40_000,
    });
    const error = await result.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActivityExecutionFailedError);
    expect(String((error as Error).cause)).toContain('runs only as a part of the workflow blueGreenDeployment');
    expect(production.audit).toEqual([]);
  });

  /** How it was refused. Nothing was asked of the platform, and neither the message nor the history is long. */
  async function refusal(lockedBy: string, payloads: Payload[], options: Record<string, unknown> = {}) {
    const workflowId = deploymentWorkflowId(lockedBy);
    await temporal.client().workflowService.startWorkflowExecution({
      namespace: 'default',
      workflowId,
      workflowType: { name: 'blueGreenDeployment' },
      taskQueue: { name: taskQueue },
      input: { payloads },
      requestId: randomUUID(),
      identity: 'somebody',
      ...options,
    });
    const handle = temporal.client().workflow.getHandle<typeof blueGreenDeployment>(workflowId);
    const { type, message } = await rolledBack(handle);
    expect(type).toBe('InvalidRequest');
    expect(message.length).toBeLessThan(5_000);
    // Workflow tasks are tried again where a busy machine is slow to take in the request.
    const { events = [] } = await handle.fetchHistory();
    const others = events?.filter((event) => !Object.keys(event).some((key) => key.startsWith('workflowTask')));
    expect(others?.length).toBeLessThan(15);
    expect(production.audit).toEqual([]);
    return message;
  }

  const manyKeys = Object.fromEntries(Array.from({ length: 100_000 }, (_, number) => [`key${number}`, 1]));
  test.each<[string, unknown, string]>([
    ['an option for a version', { service, version: '--force' }, 'request.version: found "--force", expected letters'],
    ['a blank', { service, version: '2.5.0 --force' }, 'expected letters, digits and'],
    ['a line', { service, version: '2.5.0\n--force' }, 'expected letters, digits and'],
    ['unicode', { service, version: '２.５.０\u202e' }, 'expected letters, digits and'],
    ['half a letter', { service, version: '\ud83d' }, 'expected letters, digits and'],
    ['10 kB', { service, version: 'x'.repeat(10_240) }, '(10240 characters)'],
    ['2 MB', { service, version: 'x'.repeat(1_900_000) }, '(1900000 characters)'],
    ['a command', { service, version: '2.5.0', command: ['rm', '-rf', '/'] }, 'unknown key "command"'],
    ['a URL', { service, version: '2.5.0', url: 'http://inner/' }, 'unknown key "url"'],
    ['100,000 keys', { service, version: '2.5.0', ...manyKeys }, '... and 99980 more'],
    [
      'a prototype',
      JSON.parse(`{"service":"${service}","version":"1","__proto__":{"a":1}}`),
      'unknown key "__proto__"',
    ],
    ['a list', [service, '2.5.0'], 'expected a map'],
    ['nothing', null, 'expected a map'],
    ['no boolean', { service, version: '2.5.0', checklistOnly: 'no' }, 'expected true or false'],
    ['control characters', { service, version: '2.5.0', reason: '\u001b[2J' }, 'without control characters'],
  ])('refuses a request: %s', async (_what, request, why) => {
    expect(await refusal(service, [json(request)])).toContain(why);
  });

  test.each([
    '--help',
    '../../etc/passwd',
    'a b',
    'x\n',
    '\u202e',
    'Ⅷ',
    '*',
    'constructor',
    'team/../shop',
    'team//shop',
    '/etc',
    '.git',
    'toString',
  ])('refuses the service %j, which never becomes a path, an argument or a query', async (name) => {
    expect(await refusal(name, [json({ service: name, version: '2.5.0' })])).toContain('request.service: found');
  });

  test('refuses a request that cannot be read, or is 900,000 lists in each other', async () => {
    const undecodable = { metadata: { encoding: Buffer.from('json/protobuf') }, data: Buffer.from('{}') };
    expect(await refusal('unreadable', [undecodable])).toContain('something that is not JSON');
    const deep = Buffer.from(`${'['.repeat(900_000)}${']'.repeat(900_000)}`);
    expect(await refusal('deep', [{ ...json(1), data: deep }])).not.toBe('');
  });

  test.each([
    ['of the execution', { workflowExecutionTimeout: { seconds: 3_600 } }],
    ['of the run', { workflowRunTimeout: { seconds: 3_600 } }],
  ])('refuses a time limit %s: the server would end the deployment without a rollback', async (_what, options) => {
    const message = await refusal(service, [json({ service, version: '2.5.0' })], options);
    expect(message).toContain('start it without one');
  });

  test('refuses a cron schedule, with which the server would deploy again what was rolled back', async () => {
    const { workflow } = temporal.client();
    const handle = await workflow.start('blueGreenDeployment', {
      workflowId: deploymentWorkflowId(service),
      taskQueue,
      args: [{ service, version: '2.5.0' }],
      cronSchedule: '@every 2s',
    });
    const first = workflow.getHandle(handle.workflowId, handle.firstExecutionRunId, { followRuns: false });
    try {
      await expect(first.result()).rejects.toThrow('continued as new'); // so the server calls it
      const { events } = await first.fetchHistory();
      const report = events?.find((event) => event.activityTaskScheduledEventAttributes);
      const sent = report?.activityTaskScheduledEventAttributes?.input?.payloads?.[0]?.data ?? [];
      expect(Buffer.from(sent).toString()).toContain('started with a cron schedule');
      expect(production.audit).toEqual([]);
    } finally {
      await workflow.getHandle(handle.workflowId).terminate('the test is over');
    }
  });
});

describe('an activity of a workflow', () => {
  async function admitted(info: Partial<Info>, input: unknown): Promise<string> {
    const { inbound } = onlyForDeployments({ info: { activityType: 'shiftTraffic', ...info } as Info });
    const next = () => Promise.resolve('done');
    return (await inbound?.execute?.({ args: [input], headers: {} }, next).catch(String)) as string;
  }
  const own = {
    workflowType: 'blueGreenDeployment',
    workflowExecution: { workflowId: 'blue-green/production/shop', runId: 'run' },
  };

  test('acts for its own deployment', async () => {
    expect(await admitted(own, { target: TARGET })).toBe('done');
  });

  test.each([
    ['of a deployment that was refused before it had a target', own.workflowExecution.workflowId],
    ['under a wrong id, which is refused', 'mine'],
  ])('writes its own report: %s', async (_what, workflowId) => {
    const info = { ...own, activityType: 'writeReport', workflowExecution: { workflowId, runId: 'run' } };
    const report = { schemaVersion: 1 };
    expect(await admitted(info, { deployment: `${workflowId}/run`, report })).toBe('done');
    expect(await admitted({ ...info, workflowType: 'other' }, { deployment: `${workflowId}/run`, report })).toMatch(
      /runs only as a part/,
    );
    for (const input of [
      { deployment: 'blue-green/production/bank/run', report },
      { deployment: `${workflowId}/../bank/run`, report },
      { deployment: `${workflowId}2/run`, report },
      { deployment: `${workflowId}/run` },
      undefined,
    ])
      expect(await admitted(info, input)).toMatch(/the report of another deployment/);
  });

  test.each<[string, Partial<Info>, unknown]>([
    ['of another type', { ...own, workflowType: 'somethingElse' }, { target: TARGET }],
    ['of another deployment', own, { target: { ...TARGET, service: 'bank' } }],
    ['of another environment', own, { target: { ...TARGET, environment: 'staging' } }],
    ['with an option for a version', own, { target: { ...TARGET, green: '--force' } }],
    ['with a path for a version', own, { target: { ...TARGET, blue: '../../etc' } }],
    ['with a command for a version', own, { target: { ...TARGET, green: '2.5.0; rm -rf /' } }],
    ['with a built-in for a version', own, { target: { ...TARGET, green: 'constructor' } }],
    ['without a target', own, {}],
    ['without an input', own, undefined],
  ])('is refused: %s', async (_what, info, input) => {
    expect(await admitted(info, input)).toMatch(/^ApplicationFailure: .*(was asked to act on|runs only as a part)/);
  });
});
