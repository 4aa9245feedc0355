import { expect, test } from '@jest/globals';
import type { Info } from '@temporalio/activity';
import { verifyRecovery } from '../../src/activities/verify-recovery.ts';
import type { Activities } from '../../src/domain/activities.ts';
import type { RollbackInput } from '../../src/domain/activity-results.ts';
import { until } from '../checks/support/context.ts';
import { WITH_STOP } from '../support/little-production.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, type Scene, useScenes } from './support/scene.ts';

/** The three activities of a rollback: restoreTraffic, verifyRecovery and guardTraffic. */

const scene = useScenes();
const WITHOUT_STATUS = { router: { status: undefined } };
const LATENCY = {
  metrics: { latency: 'http_request_duration_seconds' },
  limits: { latency: { quantile: 0.95, under: '500ms' } },
};
/** Long enough that only what a test waits for ends it. */
const LONG_MS = 300_000;
/** The activity stops asking five seconds before the round ends. */
const BRIEF_MS = 7_200;
/** Stopping green may take so long. */
const STOP_MS = 15_000;

function round({ target, plan }: Scene, forMs: number): RollbackInput {
  return {
    target,
    rules: plan.judge,
    pollMs: plan.watch.pollMs,
    round: 1,
    until: Date.now() + forMs,
  };
}

/** `sinceMs`: how long ago the platform said that blue has all traffic. */
function recovery(here: Scene, forMs: number, sinceMs = 0) {
  return { ...round(here, forMs), restoredAt: Date.now() - sinceMs };
}

/** The same with a second and a half in place of the half minute of little traffic. */
function soonQuiet({ dependencies }: Scene): Activities['verifyRecovery'] {
  return verifyRecovery(dependencies, 1_500);
}

/** What the newest heartbeat says is wrong. */
function problemIn(heartbeats: readonly unknown[]): string {
  const newest = heartbeats.at(-1) as { readonly problem?: string } | undefined;
  return newest?.problem ?? '';
}

test('traffic is restored, read back, and each round is an operation of its own', async () => {
  const here = await scene();
  const { production, activities, target } = here;
  production.move(50);
  const { startedAt, restoredAt, evidence } = await run(activities.restoreTraffic, {
    ...round(here, LONG_MS),
    round: 2,
  });
  expect(production.share()).toBe(0);
  expect(restoredAt).toBeGreaterThanOrEqual(startedAt);
  expect(evidence).toEqual([
    { what: 'rollback', measured: expect.stringMatching(/^exit code 0 in/), required: 'exit code 0' },
    { what: 'traffic read back', measured: `${BLUE} 100 %`, required: `${BLUE} 100 %` },
  ]);
  expect(production.audit).toEqual([
    { command: 'rollback', argument: target.service, operation: `${target.deployment}/rollback-2`, attempt: 1 },
  ]);
});

test('green is stopped when all traffic is back on blue, and that it could not be stopped keeps no rollback from its end', async () => {
  const stop = (script: string) => ({ workload: { stop: ['/bin/sh', '-c', script, 'sh', '{version}'] } });
  const here = await scene(stop('echo "stopped $1"'));
  here.production.move(50);
  const { evidence } = await run(here.activities.restoreTraffic, round(here, LONG_MS));
  expect(evidence.map(({ what }) => what)).toEqual(['rollback', 'traffic read back', 'stop']);
  expect(evidence.at(-1)?.measured).toMatch(/: stopped 2\.5\.0$/);

  const failing = await scene(stop('echo "no quota" >&2; exit 1'));
  const restored = await run(failing.activities.restoreTraffic, round(failing, LONG_MS));
  expect(restored.evidence.at(-1)).toEqual({
    what: 'stop',
    measured: '2.5.0 was not stopped: stop failed with exit code 1: no quota',
    required: 'stopped',
  });

  const hanging = await scene({ ...stop('sleep 3600'), router: { timeout: '2s' } });
  const begun = Date.now();
  const late = await run(hanging.activities.restoreTraffic, round(hanging, LONG_MS));
  expect(late.evidence.at(-1)?.measured).toMatch(/^2\.5\.0 was not stopped: it took longer than \d+ ms$/);
  expect(Date.now() - begun).toBeLessThan(LONG_MS);
});

test('the router waits for the requests under way on green before green is stopped, and may fail to', async () => {
  const stop = { workload: { stop: ['/bin/sh', '-c', 'echo stopped'] } };
  const what = 'requests under way on 2.5.0';
  const waiting = await scene(stop, {}, () => ({ drain: async () => [{ what, measured: '0 after 1.2 s' }] }));
  const { evidence } = await run(waiting.activities.restoreTraffic, round(waiting, LONG_MS));
  expect(evidence.map((line) => line.what)).toEqual(['rollback', 'traffic read back', what, 'stop']);

  const failing = await scene(stop, {}, () => ({ drain: () => Promise.reject(new Error('no answer')) }));
  const restored = await run(failing.activities.restoreTraffic, round(failing, LONG_MS));
  expect(restored.evidence.slice(-2)).toMatchObject([
    { what: 'requests under way on green', measured: 'they could not be waited for: no answer' },
    { what: 'stop', measured: expect.stringMatching(/: stopped$/) },
  ]);
});

/** A router that says what was ordered, and traffic that stays where it was. */
async function lagging(): Promise<Scene> {
  const here = await scene({ workload: WITH_STOP }, {}, () => ({
    followsLater: true,
    readTraffic: async () => ({ [BLUE]: 100, [GREEN]: 0 }),
  }));
  here.production.move(50);
  here.production.misbehave('rollback', 'lie');
  return here;
}

test('where traffic follows later, green is stopped when the metrics show that it gets no requests', async () => {
  const here = await lagging();
  const { production, activities } = here;
  const restoring = begin(activities.restoreTraffic, round(here, LONG_MS));
  await until(() => /it got \d+ in the newest interval/.test(problemIn(restoring.heartbeats)));
  expect(production.isStopped(GREEN)).toBe(false);
  production.move(0);
  const { restoredAt, cursor, evidence } = await restoring.result;
  expect(evidence.at(-1)).toMatchObject({ what: 'stop', measured: expect.stringMatching(/^exit code 0/) });
  expect(production.isStopped(GREEN)).toBe(true);
  // What was counted since then proves blue healthy at once.
  const fromThere = { ...round(here, LONG_MS), restoredAt, ...(cursor && { since: cursor }) };
  production.demand(0);
  expect((await run(activities.verifyRecovery, fromThere)).requests).toBeGreaterThanOrEqual(50);
});

test.each<[string, (here: Scene) => void, RegExp | undefined]>([
  [
    'it still gets requests',
    () => {},
    /^2\.5\.0 was not stopped: it still gets requests \(\d+ in the newest interval\)$/,
  ],
  ['the metrics cannot be read', ({ production }) => production.misbehave('metrics', 'fail'), undefined],
])('where traffic follows later and %s until it is time, green is left or stopped', async (_, upset, left) => {
  const here = await lagging();
  const { production, activities } = here;
  upset(here);
  const { evidence, greenLeft } = await run(activities.restoreTraffic, round(here, STOP_MS + 2_500));
  if (left) {
    expect(greenLeft?.requests).toBeGreaterThan(0);
    expect(greenLeft?.all).toBeGreaterThan(greenLeft?.requests ?? 0);
  } else expect(greenLeft).toBeUndefined();
  expect(evidence.at(-1)).toMatchObject({
    what: 'stop',
    measured: expect.stringMatching(left ?? /^exit code 0/),
  });
  expect(production.isStopped(GREEN)).toBe(left === undefined);
});

test('where traffic follows later and is low, a moment without a request of green is no reason to stop it', async () => {
  const here = await lagging();
  here.production.demand(2);
  const { evidence } = await run(here.activities.restoreTraffic, round(here, STOP_MS + 9_000));
  expect(evidence.at(-1)?.measured).toMatch(/^2\.5\.0 was not stopped: it still gets requests/);
  expect(here.production.isStopped(GREEN)).toBe(false);
});

test.each([
  ['half of the requests', 50, `the router sends it no traffic, but it still got`],
  ['none', 100, undefined],
])(
  'where traffic follows later, a kept blue that still gets %s is stopped only if it is idle',
  async (_, share, left) => {
    const here = await scene({ workload: WITH_STOP }, {}, () => ({
      followsLater: true,
      readTraffic: async () => ({ [BLUE]: 0, [GREEN]: 100 }),
    }));
    here.production.move(share);
    const { retiredAt, evidence } = await run(here.activities.retireBlue, { target: here.target });
    expect(retiredAt === undefined).toBe(left !== undefined);
    expect(here.production.isStopped(BLUE)).toBe(left === undefined);
    if (left) expect(evidence[0]?.measured).toContain(left);
  },
);

test('a rollback without effect is not believed, whatever its exit code', async () => {
  const here = await scene();
  here.production.move(50);
  here.production.misbehave('rollback', 'lie');
  await expect(run(here.activities.restoreTraffic, round(here, 1_500))).rejects.toMatchObject({
    type: 'NotInEffect',
    message: `The rollback command ended, but the traffic is not back: ${BLUE} 50 %, ${GREEN} 50 %, expected ${BLUE} 100 %.`,
  });
});

test.each([
  ['says no', 'fail', '60s', 'rollback failed with exit code 3: the platform says no'],
  ['hangs', 'hang', '1s', 'rollback did not end within 1 s and was stopped'],
] as const)('a rollback command that %s ends the attempt with the reason', async (_name, how, rollback, message) => {
  const here = await scene({ router: { timeout: rollback } });
  here.production.misbehave('rollback', how);
  const begun = Date.now();
  await expect(run(here.activities.restoreTraffic, round(here, LONG_MS))).rejects.toMatchObject({
    type: 'CommandFailed',
    nonRetryable: true,
    message: expect.stringContaining(message),
  });
  expect(Date.now() + 5_000).toBeLessThan(begun + here.plan.rollback.timeoutMs);
});

test('blue has recovered when at least fifty fresh requests went to it alone and kept the limits', async () => {
  const here = await scene();
  const { production, activities, target } = here;
  const before = production.requests(BLUE);
  const { result, heartbeats } = begin(activities.verifyRecovery, recovery(here, LONG_MS));
  const { requests, healthyAt, evidence } = await result;
  expect(requests).toBeGreaterThanOrEqual(50);
  expect(requests).toBeLessThanOrEqual(production.requests(BLUE) - before);
  expect(healthyAt).toBeLessThanOrEqual(Date.now());
  expect(evidence).toEqual([{ what: `fresh requests of ${target.blue} alone`, measured: `${requests}, 0 failed` }]);
  expect(JSON.stringify(heartbeats)).not.toContain('green');
});

test.each<[string, (here: Scene) => void, RegExp]>([
  [
    'blue fails',
    ({ production }) => production.fail(BLUE, 0.5),
    /it is over the error limit: of its newest \d+ requests \d+ failed and 0 were too slow/,
  ],
  [
    'blue is too slow',
    ({ production }) => production.slow(BLUE, 0.5),
    /it is over the latency limit: of its newest \d+ requests 0 failed and \d+ were too slow/,
  ],
  ['green still gets requests', ({ production }) => production.move(10), /green still gets \d+ of \d+ requests/],
  [
    'the metrics cannot be read',
    ({ production }) => production.misbehave('metrics', 'fail'),
    /metrics target 1 of 1: answered with HTTP status 500/,
  ],
  ['nobody asks anything yet', ({ production }) => production.demand(0), /only 0 fresh requests yet/],
])('while %s blue has not recovered, and its heartbeat says why', async (_name, happen, why) => {
  const here = await scene(LATENCY);
  happen(here);
  const { result, heartbeats, cancel } = begin(here.activities.verifyRecovery, recovery(here, LONG_MS));
  await until(() => why.test(problemIn(heartbeats)));
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('however many requests blue has answered, it has not recovered before the metrics say how long they took', async () => {
  const here = await scene(LATENCY);
  const { production, activities } = here;
  production.holdDurations(true);
  production.slow(BLUE, 1);
  const { result, heartbeats } = begin(activities.verifyRecovery, recovery(here, LONG_MS));
  await until(() => /do not say yet how long its newest \d+ requests took/.test(problemIn(heartbeats)));
  production.holdDurations(false);
  await until(() => problemIn(heartbeats).includes('over the latency limit'));
  production.slow(BLUE, 0);
  expect((await result).evidence[0]?.measured).toMatch(/^\d+, 0 failed, \d+ too slow$/);
});

test('where durations do not come at all, the errors and the health check are accepted instead, and said to be no proof', async () => {
  const here = await scene(LATENCY);
  here.production.holdDurations(true);
  const { accepted, requests } = await run(soonQuiet(here), recovery(here, LONG_MS));
  expect(requests).toBeGreaterThanOrEqual(50);
  expect(accepted).toEqual({
    what: expect.stringMatching(
      /^2\.4\.0 kept its error limit over \d+ fresh requests .* answers its health check; the metrics do not say how long they took$/,
    ),
    by: 'the rule for missing durations',
  });
});

test('a blue that is not proven healthy in its time has not recovered, with what was wrong last', async () => {
  const here = await scene();
  here.production.fail(BLUE, 0.5);
  const { result, heartbeats } = begin(here.activities.verifyRecovery, recovery(here, BRIEF_MS));
  await expect(result).rejects.toMatchObject({ type: 'NotInEffect', nonRetryable: true });
  const message = `All traffic was sent to ${BLUE}, but it is not proven healthy: ${problemIn(heartbeats)}`;
  await expect(result).rejects.toMatchObject({ message });
  expect(message).toContain('it is over the error limit');
});

test('what blue suffered at first does not keep it from recovering: only its newest requests count', async () => {
  const here = await scene();
  const { production, activities } = here;
  production.fail(BLUE, 1);
  const { result, heartbeats } = begin(activities.verifyRecovery, recovery(here, LONG_MS));
  await until(() => problemIn(heartbeats).includes('over the error limit'));
  production.fail(BLUE, 0);
  const suffered = production.requests(BLUE);
  const [, failed] = /, (\d+) failed/.exec((await result).evidence[0]?.measured ?? '') ?? [];
  expect(Number(failed)).toBeLessThan(suffered / 2);
});

test.each<[string, Record<string, unknown>]>([
  ['by their version', {}],
  ['by how the metrics write it', { versionLabel: 'tag', versionValue: 'v{version}' }],
  ['by their slot', { slotLabel: 'slot' }],
  ['by a selector', { versionSelector: '{slot="{slot}"}' }],
])('the proof begins after the last request that still went to green, distinguished %s', async (_, metrics) => {
  const here = await scene({ metrics }, {}, () => ({
    readSlots: async () => ({ [BLUE]: 'shop-a', [GREEN]: 'shop-b' }),
  }));
  const { production, activities } = here;
  production.move(50);
  const { result, heartbeats } = begin(activities.verifyRecovery, recovery(here, LONG_MS));
  await until(() => /^green still gets \d+ of \d+ requests \(.*\) in the newest .* s$/.test(problemIn(heartbeats)));
  production.move(0);
  const before = production.requests(BLUE);
  const { requests } = await result;
  // An interval that began between green's last request and the move may count one request of blue's before the move.
  expect(requests).toBeLessThanOrEqual(production.requests(BLUE) - before + 1);
});

test('without any traffic for half a minute a health check of blue is accepted, and nothing is called proven', async () => {
  const here = await scene();
  here.production.demand(0);
  const { requests, evidence, accepted } = await run(soonQuiet(here), recovery(here, LONG_MS));
  expect(requests).toBe(0);
  expect(accepted).toEqual({
    by: 'the rule for little traffic',
    what: `${BLUE} answers its health check; in 1.5 s the metrics counted no request of it; 50 requests prove its health`,
  });
  expect(evidence.map(({ what, measured }) => `${what}: ${measured}`)).toEqual([
    `fresh requests of ${BLUE} alone: 0, 0 failed`,
    expect.stringContaining(`health of ${BLUE}: it answered 200`),
  ]);
});

test('fewer than fifty fresh requests in half a minute are no proof: blue has to answer its health check, too', async () => {
  const here = await scene();
  here.production.demand(12);
  here.production.misbehave('health', 'fail');
  const { result, heartbeats } = begin(soonQuiet(here), recovery(here, LONG_MS));
  await until(() => problemIn(heartbeats).includes('it answered 500'));
  here.production.misbehave('health', 'well');
  const { requests, accepted } = await result;
  expect(requests).toBeGreaterThan(0);
  expect(requests).toBeLessThan(50);
  expect(accepted?.what).toBe(
    `${BLUE} kept its limits over ${requests} fresh requests (0 failed) in 1.5 s and answers its health check; 50 requests prove its health`,
  );
});

test('time in which no worker measured is no time of little traffic: blue is proven by its requests', async () => {
  const here = await scene();
  here.production.demand(30);
  const { requests, accepted } = await run(here.activities.verifyRecovery, recovery(here, LONG_MS, 60_000));
  expect(accepted).toBeUndefined();
  expect(requests).toBeGreaterThanOrEqual(50);
});

test('time in which green still gets requests is no time of little traffic', async () => {
  const here = await scene();
  const { production } = here;
  production.demand(30);
  production.move(50);
  const { result, heartbeats } = begin(soonQuiet(here), recovery(here, LONG_MS));
  await until(
    () => heartbeats.filter((_, index) => problemIn(heartbeats.slice(0, index + 1)).includes('green')).length > 3,
  );
  production.move(0);
  const { requests, accepted } = await result;
  expect(accepted).toBeUndefined();
  expect(requests).toBeGreaterThanOrEqual(50);
});

test('requests that the metrics count under other names are named', async () => {
  const here = await scene();
  const target = { ...here.target, blue: '2.4.0+build.7' };
  const { accepted } = await run(soonQuiet(here), { ...recovery(here, LONG_MS), target });
  expect(accepted?.what).toMatch(
    /the metrics counted no request of it, but \d+ of 2\.4\.0; 50 requests prove its health$/,
  );
});

test('without any traffic a blue that fails its health check has not recovered', async () => {
  const here = await scene();
  here.production.demand(0);
  here.production.misbehave('health', 'fail');
  const { result, heartbeats, cancel } = begin(soonQuiet(here), recovery(here, LONG_MS));
  await until(() => problemIn(heartbeats).includes('it answered 500'));
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('before the first shift, unreadable metrics do not keep the rollback from its end, and the result says so', async () => {
  const here = await scene();
  here.production.misbehave('metrics', 'fail');
  const neverShifted = { ...recovery(here, LONG_MS), neverShifted: true as const };
  const { requests, evidence, accepted } = await run(soonQuiet(here), neverShifted);
  expect(requests).toBe(0);
  expect(accepted).toEqual({
    by: 'the rule for a rollback before the first shift',
    what:
      `no traffic had been moved, all of it is read back on ${BLUE}, and ${BLUE} answers its health check; ` +
      'the metrics could not be read: metrics target 1 of 1: answered with HTTP status 500',
  });
  expect(evidence.map(({ what }) => what)).toEqual([
    `fresh requests of ${BLUE} alone`,
    'traffic read back',
    `health of ${BLUE}`,
  ]);
});

test.each<[string, Record<string, unknown>, (here: Scene) => void, RegExp]>([
  ['traffic is elsewhere', {}, ({ production }) => production.move(50), /not read back on 2\.4\.0 alone/],
  ['traffic cannot be read back', WITHOUT_STATUS, () => {}, /the router cannot report it/],
  [
    'blue fails its health check',
    {},
    ({ production }) => production.misbehave('health', 'fail'),
    /and .*it answered 500/,
  ],
])('it does while %s', async (_name, changes, happen, why) => {
  const here = await scene(changes);
  here.production.misbehave('metrics', 'fail');
  happen(here);
  const neverShifted = { ...recovery(here, LONG_MS), neverShifted: true as const };
  const { result, heartbeats, cancel } = begin(soonQuiet(here), neverShifted);
  await until(() => why.test(problemIn(heartbeats)));
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('after a shift, unreadable metrics are never taken for health, however long they are away', async () => {
  const here = await scene();
  here.production.misbehave('metrics', 'fail');
  const { result, heartbeats, cancel } = begin(here.activities.verifyRecovery, recovery(here, LONG_MS, 600_000));
  await until(() => here.production.asked('metrics') > 2);
  expect(problemIn(heartbeats)).toContain('HTTP status 500');
  expect(here.production.asked('health')).toBe(0);
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('traffic that stays where it is passes the guard', async () => {
  const here = await scene();
  expect(await run(here.activities.guardTraffic, round(here, 500))).toEqual({});
  expect(here.production.asked('status')).toBe(1);
});

test('the guard sees traffic that a late command moved', async () => {
  const here = await scene();
  const { production, activities } = here;
  const { result } = begin(activities.guardTraffic, round(here, LONG_MS));
  await until(() => production.asked('status') > 0);
  production.move(50);
  expect(await result).toEqual({ moved: `The traffic moved after the rollback: ${BLUE} 50 %, ${GREEN} 50 %.` });
});

test('a moment without sight neither looks like movement nor ends the guard', async () => {
  const here = await scene();
  const { production, activities } = here;
  production.misbehave('status', 'fail');
  const { result } = begin(activities.guardTraffic, round(here, LONG_MS));
  await until(() => production.asked('status') > 0);
  production.move(100);
  production.misbehave('status', 'well');
  expect((await result).moved).toContain(`${GREEN} 100 %`);
});

test('without a status command the guard sees requests that green should not get', async () => {
  const here = await scene(WITHOUT_STATUS);
  const { production, activities } = here;
  const { result } = begin(activities.guardTraffic, round(here, LONG_MS));
  await until(() => production.asked('metrics') > 0);
  production.move(50);
  expect((await result).moved).toMatch(/^The traffic moved after the rollback: 2\.5\.0 got \d+ requests\.$/);
});

test.each<[string, (now: number) => Partial<Info>, boolean]>([
  ['at first', (now) => ({ attempt: 1, scheduledTimestampMs: now - 60_000 }), false],
  ['after some seconds', (now) => ({ attempt: 9, scheduledTimestampMs: now - 10_000 }), false],
  ['after 30 s', (now) => ({ attempt: 9, scheduledTimestampMs: now - 31_000 }), true],
])(
  'a round that cannot begin for want of a runbook is tried on, %s; after 30 s it has failed, so that people are notified',
  async (_, info, nonRetryable) => {
    const here = await scene();
    const { target } = here;
    const input = { ...round(here, LONG_MS), target: { ...target, digest: 'e'.repeat(64), environment: 'elsewhere' } };
    for (const step of [
      (at: Partial<Info>) => run(here.activities.restoreTraffic, input, at),
      (at: Partial<Info>) => run(here.activities.verifyRecovery, { ...input, restoredAt: Date.now() }, at),
      (at: Partial<Info>) => run(here.activities.guardTraffic, input, at),
    ])
      await expect(step(info(Date.now()))).rejects.toMatchObject({
        type: 'RunbookUnavailable',
        nonRetryable,
        message: expect.stringContaining('Nor is there a current one'),
      });
  },
);
