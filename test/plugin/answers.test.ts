import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { registryWith } from '../../src/built-in.ts';
import { FAILURE } from '../../src/domain/index.ts';
import {
  checkKind,
  definePlugin,
  type MetricSource,
  metricsKind,
  notificationKind,
  type Router,
  routerKind,
  type Workload,
  workloadKind,
} from '../../src/plugin/index.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';

const signal = new AbortController().signal;
const run = { signal, heartbeat() {} };
const operation = { id: 'o', attempt: 1 };
const target = { deployment: 'w/r', service: 's', environment: 'e', blue: '2.0.0', green: '3.0.0', digest: 'd' };

/** The ports of a plugin whose functions return what is given here, as its users get them. */
function portsWith(answers: {
  readonly metrics?: Partial<Record<keyof MetricSource, unknown>>;
  readonly router?: Partial<Record<keyof Router, unknown>>;
  readonly workload?: Partial<Record<keyof Workload, unknown>>;
  readonly check?: unknown;
  readonly notifier?: unknown;
}) {
  const returning = (all: Readonly<Record<string, unknown>> = {}) =>
    Object.fromEntries(Object.entries(all).map(([name, answer]) => [name, () => answer]));
  const registry = registryWith([
    definePlugin({
      name: 'fleet',
      workloads: [
        workloadKind({
          kind: 'fleet',
          summary: 'A test.',
          schema: (base) => base,
          create: () => returning({ deploy: [], stop: [], checkHealth: [], ...answers.workload }) as never,
        }),
      ],
      routers: [
        routerKind({
          kind: 'fleet',
          summary: 'A test.',
          schema: (base) => base,
          create: () => returning({ setTraffic: [], readTraffic: undefined, ...answers.router }) as never,
        }),
      ],
      metrics: [
        metricsKind({
          kind: 'fleetm',
          summary: 'A test.',
          schema: (base) => base.extend({ poll: base.shape.kind.transform(() => 1_000) }),
          create: () => ({ freshEveryMs: 0, measuresLatency: true, ...returning(answers.metrics) }) as never,
        }),
      ],
      checks: [
        checkKind({
          kind: 'fleet',
          summary: 'A test.',
          schema: (base) => base,
          create: () => async () => answers.check as never,
        }),
      ],
      notifications: [
        notificationKind({
          kind: 'fleet',
          summary: 'A test.',
          schema: (base) => base,
          create: () => returning({ notify: undefined, preflight: answers.notifier }) as never,
        }),
      ],
    }),
  ]);
  const log = { info() {}, warn() {}, error() {} };
  const runbook = parseRunbook(GUIDE_TEXT, { file: 'x.yaml', format: registry.format });
  const context = { target, env: {}, log, runbook };
  const check = { id: 'c', title: 'C', group: 'g', critical: false, timeout: 1, kind: 'fleet' };
  return {
    metrics: () => registry.metrics({ kind: 'fleetm', poll: 1_000 }, { ...context, limits: { errorRate: 0.1 } }),
    router: () => registry.router({ kind: 'fleet', timeout: 1 }, context),
    workload: () => registry.workload({ kind: 'fleet', timeout: 1 }, context),
    check: () => registry.check(check)({} as never),
    notifier: () => registry.notifiers([{ kind: 'fleet' }], context)[0],
  };
}

const counts = { requests: 10, failed: 1, slow: 2, seconds: 3 };
const reading = (more: object) => ({
  cursor: { at: 2_000 },
  intervals: [{ from: 1_000, to: 2_000, counts: { '2.0.0': counts, '3.0.0': counts }, ...more }],
});
const counted = (more: object) => reading({ counts: { '2.0.0': counts, '3.0.0': { ...counts, ...more } } });

test.each<[string, unknown, string]>([
  [
    'requests are no number',
    counted({ requests: Number.NaN }),
    'requests NaN for 3.0.0, expected a number of at least 0',
  ],
  ['requests are below 0', counted({ requests: -5 }), 'requests -5 for 3.0.0, expected a number of at least 0'],
  [
    'requests are a text',
    counted({ requests: '12' }),
    'requests the text "12" for 3.0.0, expected a number of at least 0',
  ],
  [
    'requests are infinite',
    counted({ requests: 1 / 0 }),
    'requests Infinity for 3.0.0, expected a number of at least 0',
  ],
  [
    'more failed than there were',
    counted({ failed: 11 }),
    'failed 11 of requests 10 for 3.0.0, expected at most as many',
  ],
  [
    'more were slow than timed',
    counted({ timed: 1 }),
    'slow 2 of 1 timed requests for 3.0.0, expected at most as many',
  ],
  ['a count is missing', counted({ seconds: undefined }), 'seconds nothing for 3.0.0, expected a number of at least 0'],
  ['an interval is upside down', reading({ from: 3_000 }), 'an interval from 3000 to 2000, expected two times'],
  [
    'an interval has no counts',
    reading({ counts: null }),
    'the counts null, expected an object with counts by version',
  ],
  ['absent is no list', reading({ absent: '3.0.0' }), 'absent the text "3.0.0", expected a list of versions'],
  ['nothing is returned', undefined, 'nothing, expected an object with "cursor" and "intervals"'],
  [
    'the cursor has no time',
    { ...reading({}), cursor: {} },
    'a cursor with "at" nothing, expected an object whose "at"',
  ],
  ['the intervals are no list', { cursor: { at: 1 }, intervals: 5 }, 'the intervals 5, expected a list'],
])('metrics of a plugin cannot be read when %s', async (_what, answer, words) => {
  const failed = portsWith({ metrics: { read: answer } })
    .metrics()
    .read(null, signal);
  await expect(failed).rejects.toMatchObject({ type: FAILURE.MetricsUnavailable, nonRetryable: false });
  await expect(failed).rejects.toThrow(`the metrics kind "fleetm" returned ${words}`);
  await expect(failed).rejects.toThrow(/: correct the plugin \(read\)$/);
});

test('metrics of a plugin that are right are passed on as they are', async () => {
  const right = reading({ restarted: { '3.0.0': ['a'] }, absent: [], counts: { '3.0.0': { ...counts, timed: 5 } } });
  expect(
    await portsWith({ metrics: { read: right } })
      .metrics()
      .read(null, signal),
  ).toBe(right);
});

test('a text that a plugin returns is shown without secrets, and short', async () => {
  const secret = `password=abcdefgh ${'x'.repeat(500)}`;
  const failed = portsWith({ metrics: { read: secret } })
    .metrics()
    .read(null, signal);
  await expect(failed).rejects.toThrow(/^(?!.*abcdefgh).{0,250}$/);
});

test.each<[keyof Router, unknown, string]>([
  ['readTraffic', { '3.0.0': Number.NaN }, 'NaN for 3.0.0, expected a percentage from 0 to 100'],
  ['readTraffic', { '3.0.0': 101 }, '101 for 3.0.0, expected a percentage from 0 to 100'],
  ['readTraffic', 'all', 'the text "all", expected percentages by version'],
  ['readTraffic', null, 'null, expected percentages by version'],
  ['setTraffic', 42, '42, expected a list of evidence'],
  ['setTraffic', undefined, 'nothing, expected a list of evidence'],
  ['setTraffic', [{ what: 'w' }], 'measured nothing in the list of evidence, expected a text'],
  ['drain', {}, 'an object, expected a list of evidence'],
  ['readSlots', { '3.0.0': 1 }, 'the slot 1 for 3.0.0, expected the name of a slot'],
  ['lastChange', 5, '5, expected a text or nothing'],
  ['preflight', [], 'a list, expected an object with "evidence" and "problems"'],
])('%s of a plugin that returns %j fails for good', async (name, answer, words) => {
  const router = portsWith({ router: { [name]: answer } }).router();
  const call =
    name === 'setTraffic' ? router.setTraffic(operation, 50, run) : (router[name] as Router['readTraffic'])(run);
  await expect(call).rejects.toMatchObject({ type: FAILURE.CommandFailed, nonRetryable: true });
  await expect(call).rejects.toThrow(`the router kind "fleet" returned ${words}`);
  await expect(call).rejects.toThrow(new RegExp(`: correct the plugin \\(${name}\\)$`));
});

test.each<[string, () => unknown, string]>([
  [
    'deploy',
    () =>
      portsWith({ workload: { deploy: 'done' } })
        .workload()
        .deploy(operation, run),
    'the workload kind "fleet" returned the text "done", expected a list of evidence',
  ],
  [
    'observe',
    () =>
      portsWith({ workload: { observe: { '3.0.0': { instances: 1, ready: '1', restarts: {}, problems: [] } } } })
        .workload()
        .observe?.(run),
    'the workload kind "fleet" returned ready the text "1" for 3.0.0, expected a number of at least 0',
  ],
  [
    'a check',
    () => portsWith({ check: { passed: 'yes', summary: 's', evidence: [] } }).check(),
    'the check kind "fleet" returned passed the text "yes", expected true or false',
  ],
  [
    'preflight of a notification',
    () =>
      portsWith({ notifier: [{ found: 'f' }] })
        .notifier()
        ?.preflight?.(),
    'the notification kind "fleet" returned unblock nothing in the list of problems, expected a text',
  ],
])('%s has to return what its port says', async (_what, call, words) => {
  await expect(call()).rejects.toThrow(words);
});

test('a port without a function that it needs is refused when it is opened', () => {
  const open = portsWith({}).metrics;
  expect(open).toThrow(ApplicationFailure);
  expect(open).toThrow('the metrics kind "fleetm" has nothing as read, expected a function: correct the plugin');
});

test('what a port does not need stays missing', () => {
  const { router, workload } = portsWith({});
  expect(Object.keys(router())).toEqual(['setTraffic', 'readTraffic']);
  expect(Object.keys(workload())).toEqual(['deploy', 'stop', 'checkHealth']);
});
