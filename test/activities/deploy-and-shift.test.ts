import { expect, test } from '@jest/globals';
import { shiftTraffic } from '../../src/activities/shift-traffic.ts';
import { ANSWER_MS } from '../../src/domain/plan.ts';
import { until } from '../checks/support/context.ts';
import { useServers } from '../support/http.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, useScenes } from './support/scene.ts';

const scene = useScenes();
const serve = useServers();
/** Bound of an activity whose command, or what has to come after it, has two seconds. */
const SHORTLY = { timeoutMs: 2_000 + ANSWER_MS };
const HURRIED = { workload: { timeout: '2s' }, router: { timeout: '2s' } };

test('green is deployed without traffic, and answers its health check', async () => {
  const { production, activities, target, plan } = await scene();
  const { evidence } = await run(activities.deployGreen, { target, ...plan.deploy });
  expect(evidence).toEqual([
    { what: 'deploy', measured: expect.stringMatching(/^exit code 0 in/), required: 'exit code 0' },
    { what: `health of ${GREEN}`, measured: expect.stringContaining('it answered 200'), required: '200 to 299' },
  ]);
  expect(production.audit).toEqual([
    { command: 'deploy', argument: GREEN, operation: `${target.deployment}/deploy`, attempt: 1 },
  ]);
  expect(production.share()).toBe(0);
});

test('a second attempt is the same operation under its own number', async () => {
  const { production, activities, target, plan } = await scene();
  await run(activities.deployGreen, { target, ...plan.deploy });
  await run(activities.deployGreen, { target, ...plan.deploy }, { attempt: 2 });
  const [first, second] = production.audit;
  expect(second).toEqual({ ...first, attempt: 2 });
});

test('an attempt that waited in a worker that stood still changes nothing when the server has no use for it', async () => {
  const { production, activities, target, plan } = await scene();
  const stood = { heartbeatTimeoutMs: 10_000, currentAttemptScheduledTimestampMs: Date.now() - 10_001 };
  const attempts = [
    begin(activities.deployGreen, { target, ...plan.deploy }, stood),
    begin(activities.shiftTraffic, { target, percentage: 100, ...plan.shift }, stood),
  ];
  await until(() => attempts.every(({ heartbeats }) => heartbeats.length > 0));
  for (const { cancel } of attempts) cancel({ notFound: true });
  for (const { result } of attempts) await expect(result).rejects.toThrow();
  expect(production.audit).toEqual([]);
});

test('one that the server still wants only waits for that answer', async () => {
  const { production, activities, target, plan } = await scene();
  const stood = { heartbeatTimeoutMs: 10_000, currentAttemptScheduledTimestampMs: Date.now() - 10_001 };
  await run(activities.deployGreen, { target, ...plan.deploy }, stood);
  expect(production.audit).toHaveLength(1);
});

test('green has time to become healthy', async () => {
  const { production, activities, target, plan } = await scene();
  production.misbehave('health', 'fail');
  const { result } = begin(activities.deployGreen, { target, ...plan.deploy });
  await until(() => production.asked('health') > 0);
  production.misbehave('health', 'well');
  expect((await result).evidence.map(({ what }) => what)).toContain(`health of ${GREEN}`);
});

test('a green that never becomes healthy is refused its traffic for good, with what it answered last', async () => {
  const { production, activities, target } = await scene();
  production.misbehave('health', 'fail');
  await expect(run(activities.deployGreen, { target, ...SHORTLY })).rejects.toMatchObject({
    type: 'GreenUnhealthy',
    nonRetryable: true,
    message: expect.stringMatching(/did not become healthy in its time, so it gets no traffic: .* it answered 500/),
  });
});

test('an answer of blue at the address of green is not taken for the health of green', async () => {
  let serving = BLUE;
  const router = await serve((_request, response) => response.end(`{"version":"${serving}"}`));
  const health = { url: `${router.origin}/healthz`, contains: '{version}' };
  const { activities, target, plan } = await scene({ workload: { health } });
  await expect(run(activities.deployGreen, { target, ...SHORTLY })).rejects.toMatchObject({
    type: 'GreenUnhealthy',
    message: expect.stringMatching(/ it answered 200, but without "2\.5\.0"; it may be blue's answer$/),
  });
  const { result } = begin(activities.deployGreen, { target, ...plan.deploy });
  const asked = router.asked.length;
  await until(() => router.asked.length > asked);
  serving = GREEN;
  expect((await result).evidence.map(({ what }) => what)).toContain(`health of ${GREEN}`);
});

test.each(['deploy', 'shift'] as const)(
  'a %s command that says no fails for good with what it said',
  async (command) => {
    const { production, activities, target, plan } = await scene();
    production.misbehave(command, 'fail');
    const answer =
      command === 'deploy'
        ? run(activities.deployGreen, { target, ...plan.deploy })
        : run(activities.shiftTraffic, { target, percentage: 50, ...plan.shift });
    await expect(answer).rejects.toMatchObject({
      type: 'CommandFailed',
      nonRetryable: true,
      message: expect.stringContaining('failed with exit code 3: the platform says no'),
    });
    expect(production.asked('health')).toBe(0);
  },
);

test.each(['deploy', 'shift'] as const)(
  'a %s command that hangs is told as that, and not as an activity that ran out of time',
  async (command) => {
    const { production, activities, target, plan } = await scene(HURRIED);
    production.misbehave(command, 'hang');
    const begun = Date.now();
    const answer =
      command === 'deploy'
        ? run(activities.deployGreen, { target, ...plan.deploy })
        : run(activities.shiftTraffic, { target, percentage: 50, ...plan.shift });
    await expect(answer).rejects.toMatchObject({
      type: 'CommandFailed',
      nonRetryable: true,
      message: expect.stringContaining('did not end within 2 s and was stopped'),
    });
    // Temporal would begin it anew at its bound; ending a command that does not heed SIGTERM takes five seconds more.
    expect(Date.now() + 5_000).toBeLessThan(begun + plan[command].timeoutMs);
  },
);

test('a deployment that is ended while its command runs is cancelled, not failed', async () => {
  const { production, activities, target, plan } = await scene();
  production.misbehave('deploy', 'hang');
  const { result, cancel } = begin(activities.deployGreen, { target, ...plan.deploy });
  await until(() => production.asked('deploy') > 0);
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

test('a shift is read back, and is an operation of its own for each percentage', async () => {
  const { production, activities, target, plan } = await scene();
  const { shiftedAt, evidence } = await run(activities.shiftTraffic, { target, percentage: 50, ...plan.shift });
  expect(production.share()).toBe(0.5);
  expect(shiftedAt).toBeLessThanOrEqual(Date.now());
  expect(evidence).toEqual([
    { what: 'shift-traffic', measured: expect.stringMatching(/^exit code 0 in/), required: 'exit code 0' },
    { what: 'traffic read back', measured: `${BLUE} 50 %, ${GREEN} 50 %`, required: `${GREEN} 50 %` },
  ]);
  await run(activities.shiftTraffic, { target, percentage: 100, ...plan.shift });
  expect(production.audit.map(({ operation }) => operation)).toEqual([
    `${target.deployment}/shift-to-50`,
    `${target.deployment}/shift-to-100`,
  ]);
});

test('a shift may need a moment to take', async () => {
  const { production, activities, target, plan } = await scene();
  production.misbehave('shift', 'lie');
  const { result } = begin(activities.shiftTraffic, { target, percentage: 50, ...plan.shift });
  await until(() => production.asked('status') > 0);
  production.move(50);
  expect((await result).evidence.at(-1)?.measured).toBe(`${BLUE} 50 %, ${GREEN} 50 %`);
});

test('a shift that does not take is not believed, whatever its exit code', async () => {
  const { production, activities, target } = await scene();
  production.move(0);
  production.misbehave('shift', 'lie');
  await expect(run(activities.shiftTraffic, { target, percentage: 50, ...SHORTLY })).rejects.toMatchObject({
    type: 'NotInEffect',
    nonRetryable: true,
    message: `The shift to 50 % did not take: ${BLUE} 100 %, ${GREEN} 0 %, expected ${GREEN} 50 %.`,
  });
});

test('a shift that somebody else sets back at once is given up soon, and names them', async () => {
  const lastChange = async () => 'HTTPRoute shop/rec was changed by "argocd-controller"';
  const { production, dependencies, target, plan } = await scene({}, {}, () => ({ lastChange }));
  production.move(0);
  production.misbehave('shift', 'lie');
  const { result } = begin(shiftTraffic(dependencies, 100), { target, percentage: 50, ...plan.shift });
  await expect(result).rejects.toMatchObject({
    type: 'NotInEffect',
    message:
      `The shift to 50 % did not take: ${BLUE} 100 %, ${GREEN} 0 %, expected ${GREEN} 50 %. ` +
      'It was set back at once: HTTPRoute shop/rec was changed by "argocd-controller".',
  });
});

test('a shift that cannot be read back is not believed either, and the reason is told', async () => {
  const { production, activities, target } = await scene();
  production.misbehave('status', 'fail');
  await expect(run(activities.shiftTraffic, { target, percentage: 50, ...SHORTLY })).rejects.toMatchObject({
    type: 'NotInEffect',
    message: expect.stringContaining('did not take: router.status failed with exit code 3: the platform says no'),
  });
});

test('where no status command exists the evidence says that nothing was read back', async () => {
  const { activities, target, plan } = await scene({ router: { status: undefined } });
  const { evidence } = await run(activities.shiftTraffic, { target, percentage: 50, ...plan.shift });
  expect(evidence.at(-1)?.measured).toBe('not possible: the router cannot report it');
});
