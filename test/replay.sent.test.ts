import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Activities } from '../src/domain/activities.ts';
import type { ResolvedRollback } from '../src/domain/activity-results.ts';
import { ANSWER_MS, type DeploymentPlan, type PlannedCheck } from '../src/domain/plan.ts';
import { SEARCH_ATTRIBUTES } from '../src/domain/search-attributes.ts';
import { PHASES } from '../src/domain/status.ts';
import { type History, isOpen, recordedHistories, recordedHistory, workflowIdOf } from './support/history.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { activitiesThen, type Sent, sentNow, sentThen } from './support/sent.ts';
import { bundleVariant, type Change, type Variant } from './support/variant.ts';

/**
 * Replay compares which steps a workflow takes, not what it sends with them: arguments, time-outs, retries, summaries, search
 * attributes, the report. Here what today's code sends over every recorded history is compared with what was sent then. A
 * change that is meant is recorded (`RECORD_HISTORIES=1 npm test`) in the commit that makes it. Histories whose names begin
 * with `before-` are kept for the replay alone: deployments of an earlier version that may still be under way.
 */

const RECORDER = fileURLToPath(new URL('support/command-recorder.ts', import.meta.url));
const names = recordedHistories().filter((name) => !name.startsWith('before-'));

let unchanged: Variant;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  unchanged = await bundleVariant([], [RECORDER]);
});
afterAll(() => unchanged.remove());

async function bothOf(name: string, codePath: string): Promise<{ recorded: Sent[]; today: Sent[] }> {
  const history = recordedHistory(name);
  const recorded = sentThen(history);
  const sent = await sentNow(history, codePath, workflowIdOf(history));
  // The last step of an open one may have been recorded before it was answered.
  return { recorded, today: isOpen(history) ? sent.slice(0, recorded.length) : sent };
}

test.each(names)('%s: what is sent now is what was sent then', async (name) => {
  const { recorded, today } = await bothOf(name, unchanged.codePath);
  expect(recorded.length).toBeGreaterThan(0);
  expect(today).toEqual(recorded);
});

const UNSEEN: [string, Change, readonly string[]][] = [
  [
    'a time-out',
    {
      file: 'src/workflows/activity-proxy.ts',
      find: 'HEARTBEAT_TIMEOUT_MS = 10_000',
      replace: 'HEARTBEAT_TIMEOUT_MS = 20_000',
    },
    ['heartbeatMs'],
  ],
  [
    'an argument',
    { file: 'src/workflows/rollback.ts', find: 'pollMs: watch.pollMs', replace: 'pollMs: watch.pollMs + 1' },
    ['arguments'],
  ],
];

test.each(UNSEEN)('%s that changes is not seen by replay, but here', async (_, change, fields) => {
  const changed = await bundleVariant([change], [RECORDER]);
  try {
    const { recorded, today } = await bothOf('breach-in-soak-1', changed.codePath);
    const differing = today.flatMap((sent, index) => {
      const before: Record<string, unknown> = { ...recorded[index] };
      return Object.entries(sent).flatMap(([field, value]) => (isDeepStrictEqual(value, before[field]) ? [] : [field]));
    });
    expect([...new Set(differing)]).toEqual(fields);
  } finally {
    await changed.remove();
  }
});

/** An activity's arguments, as far as its bounds rest on them. */
interface Asked {
  readonly timeoutMs?: number;
  readonly checkId?: string;
  readonly until?: number;
}

/** What a lost worker may cost on top of the time for one attempt. */
const REPLACEMENT_MS = 120_000;

/**
 * How long one attempt may work, and what a lost worker may cost on top, in milliseconds, by the plan and the time at
 * which the workflow asks: the table to change when a bound is changed on purpose.
 */
const BOUNDS: Record<keyof Activities, (plan: DeploymentPlan, asked: Asked, at: number) => [number, number]> = {
  resolvePlan: () => [60_000, REPLACEMENT_MS],
  resolveRollback: () => [120_000, REPLACEMENT_MS],
  // The plan that it was started with is that of the tests.
  retireBlue: () => [PATIENCE_MS, 900_000],
  runCheck: (plan, { checkId }) => [checkOf(plan, checkId).timeoutMs, REPLACEMENT_MS],
  runRemedy: (plan, { checkId }) => [checkOf(plan, checkId).remedy?.timeoutMs ?? 0, REPLACEMENT_MS],
  readBaseline: (_, { timeoutMs = 0 }) => [timeoutMs + ANSWER_MS, REPLACEMENT_MS],
  deployGreen: ({ deploy }) => [deploy.timeoutMs, REPLACEMENT_MS],
  shiftTraffic: ({ shift }) => [shift.timeoutMs, REPLACEMENT_MS],
  awaitThaw: ({ freeze }) => [30_000, freeze?.timeoutMs ?? 0],
  // Nobody to watch is no evidence, and not to be waited for longer than the plan says.
  watchWindow: ({ watch }, { until = 0 }, at) => [until - at + watch.maxUnwatchedMs, 0],
  restoreTraffic: ({ rollback }) => [rollback.timeoutMs, rollback.roundMs],
  verifyRecovery: ({ rollback }) => [rollback.roundMs, REPLACEMENT_MS],
  guardTraffic: ({ rollback }) => [rollback.guardMs + rollback.timeoutMs, REPLACEMENT_MS],
  confirmApprovals: () => [60_000, REPLACEMENT_MS],
  notify: () => [15_000, 15_000],
  writeReport: () => [6_000, REPLACEMENT_MS],
  planTrain: () => [60_000, REPLACEMENT_MS],
  findRunbook: () => [60_000, REPLACEMENT_MS],
};
const HEARTBEAT_MS = 10_000;
const RETRY = {
  initialMs: 1_000,
  backoff: 1,
  attempts: 0,
  final: ['InvalidRequest', 'CommandFailed', 'NotInEffect', 'GreenUnhealthy', 'MetricsUnusable'],
};

function checkOf({ checklist, verifyGreen }: DeploymentPlan, id: string | undefined): PlannedCheck {
  const check = [...checklist.checks, ...verifyGreen].find((one) => one.id === id);
  if (!check) throw new Error(`no check ${id} in the plan`);
  return check;
}

test('every activity has its bounds', () => {
  const seen = new Set<string>();
  for (const name of names) {
    const history = recordedHistory(name);
    for (const { sent, at } of activitiesThen(history)) {
      const { type, arguments: given, startToCloseMs, scheduleToCloseMs, heartbeatMs, retry } = sent;
      const bounds = BOUNDS[type as keyof Activities](planOf(history), given[0] as Asked, at);
      expect({ name, type, bounds: [startToCloseMs, scheduleToCloseMs - startToCloseMs] }).toEqual({
        name,
        type,
        bounds,
      });
      const own = type === 'writeReport' ? { attempts: 3 } : {}; // a full disk holds no ending up
      expect({ heartbeatMs, ...retry }).toEqual({
        heartbeatMs: Math.min(HEARTBEAT_MS, startToCloseMs),
        ...RETRY,
        ...own,
      });
      seen.add(type);
    }
  }
  expect([...seen].sort()).toEqual(Object.keys(BOUNDS).sort());
});

/** The plan is the answer of the first activity. */
function planOf({ events }: History): DeploymentPlan {
  const answer = events?.find((event) => event.activityTaskCompletedEventAttributes);
  const data = answer?.activityTaskCompletedEventAttributes?.result?.payloads?.[0]?.data ?? [];
  const resolved = JSON.parse(Buffer.from(data).toString('utf8') || '{}') as DeploymentPlan | ResolvedRollback;
  return 'plan' in resolved ? resolved.plan : resolved;
}

test('a deployment can be found by what it is and where it is', () => {
  const upserts = names.map((name) => sentThen(recordedHistory(name)).filter(isUpsert));
  for (const [first, ...later] of upserts.filter((all) => all.length > 0)) {
    expect(Object.keys(first?.values ?? {}).sort()).toEqual([...SEARCH_ATTRIBUTES].sort());
    expect(later.filter(({ values }) => Object.keys(values).join() !== 'BlueGreenPhase')).toEqual([]);
  }
  const phases = new Set(upserts.flat().map(({ values }) => values['BlueGreenPhase']));
  expect(PHASES.filter((phase) => !phases.has(phase))).toEqual([]);
});

function isUpsert(sent: Sent): sent is Extract<Sent, { what: 'search attributes' }> {
  return sent.what === 'search attributes';
}
