import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { refuseToOverride } from '../../src/domain/decisions.ts';
import { WEEKDAYS } from '../../src/freezes/index.ts';
import { run } from './support/attempt.ts';
import { GREEN, useScenes } from './support/scene.ts';

const scene = useScenes();
const ALWAYS = { name: 'no-releases', timeZone: 'Europe/Berlin', weekdays: WEEKDAYS };
const refusing = (onFreeze: object = {}) => ({ freezes: [ALWAYS], onFreeze: { start: 'refuse', ...onFreeze } });

test('a start in a window of the runbook is refused before anything is asked or changed, where the runbook says so', async () => {
  const { production, activities } = await scene(refusing({ override: ['ana', 'ben'] }));
  const { service } = production;
  await expect(run(activities.resolvePlan, { service, version: GREEN })).rejects.toMatchObject({
    type: 'InvalidRequest',
    nonRetryable: true,
    message: expect.stringMatching(
      /^Not started in the freeze "no-releases".*\. The runbook refuses that \(onFreeze\.start: refuse\): start it when the freeze has ended; or ana or ben starts it with a reason to override the freeze\.$/,
    ),
  });
  expect(production.audit).toEqual([]);
});

test('somebody on the list starts it with a reason; a run of the checklist alone needs none', async () => {
  const { production, activities } = await scene(refusing({ override: ['ana'] }));
  const request = { service: production.service, version: GREEN };
  const overriding = { ...request, requestedBy: 'ana', overrideFreeze: 'fixes incident 4711' };
  await expect(run(activities.resolvePlan, overriding)).resolves.toMatchObject({ target: { green: GREEN } });
  await expect(run(activities.resolvePlan, { ...overriding, requestedBy: 'eve' })).rejects.toMatchObject({
    message: expect.stringContaining('eve may not override a freeze; the runbook allows ana'),
  });
  await expect(run(activities.resolvePlan, { ...request, checklistOnly: true })).resolves.toBeDefined();
});

test('a group on the list is nobody: not even who takes its name may override', () => {
  const list = ['ana', 'group:managers'];
  expect(refuseToOverride(list, 'Ana')).toBeUndefined();
  expect(refuseToOverride(list, 'group:managers')).toContain('group:managers may not override a freeze');
});

test('while Temporal does not say whether the line is stopped nothing begins or shifts, and it is asked again', async () => {
  const { production, activities, target, plan, line } = await scene();
  const away = new Error('Temporal does not say whether the freeze is running');
  line.stopped = () => Promise.reject(away);
  const asked = [
    run(activities.resolvePlan, { service: production.service, version: GREEN }),
    run(activities.shiftTraffic, { target, percentage: 50, ...plan.shift }),
  ];
  for (const answer of asked) {
    const error: unknown = await answer.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('Temporal does not say') });
    expect(error instanceof ApplicationFailure && error.nonRetryable).toBe(false); // so Temporal tries it again
  }
  expect(production.audit).toEqual([]);
  expect(production.share()).toBe(0);

  line.stopped = async () => [];
  await run(activities.shiftTraffic, { target, percentage: 50, ...plan.shift }, { attempt: 2 });
  expect(production.share()).toBe(0.5);
});
