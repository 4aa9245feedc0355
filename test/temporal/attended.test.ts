import { expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { attendanceOf, buildNeeded, isAttended } from '../../src/temporal/attended.ts';

interface Worker {
  readonly build?: string;
  readonly agoMs?: number;
}

/** A server that has heard of these workers of the queue. */
function heardOf(workers: readonly Worker[], current?: string): Client {
  const version = (buildId: string) => ({ deploymentName: 'bluegreen', buildId });
  const describeTaskQueue = async () => ({
    pollers: workers.map(({ build, agoMs = 1_000 }) => ({
      lastAccessTime: { seconds: Math.round((Date.now() - agoMs) / 1_000) },
      // Without a build id a worker names one all the same.
      deploymentOptions: { ...version(build ?? '@temporalio/worker@1.20.3'), workerVersioningMode: build ? 2 : 1 },
    })),
    versioningInfo: current ? { currentDeploymentVersion: version(current) } : null,
  });
  return { options: { namespace: 'default' }, workflowService: { describeTaskQueue } } as unknown as Client;
}

test.each<[string, readonly Worker[], string | undefined, string | undefined, boolean]>([
  ['a worker is there', [{}], undefined, undefined, true],
  ['none is', [], undefined, undefined, false],
  ['the last one asked for work long ago', [{ agoMs: 130_000 }], undefined, undefined, false],
  ['one of its build is there', [{ build: 'a' }, { build: 'b' }], 'b', 'bluegreen:a', true],
  ['its build has none left', [{ build: 'b' }], 'b', 'bluegreen:a', false],
  ['a worker without a build id does not take work of a build', [{}], 'b', 'bluegreen:a', false],
  ['one that is on no build goes to the current one', [{ build: 'b' }], 'b', undefined, true],
  ['one that is on no build, and the current one has no worker', [{}], 'b', undefined, false],
  ['all workers have a build id, and no build is current', [{ build: 'b' }], undefined, undefined, false],
])('%s', async (_, workers, current, build, expected) => {
  const attendance = await attendanceOf(heardOf(workers, current), 'bluegreen');
  expect(isAttended(attendance, build)).toBe(expected);
});

test('the build whose worker is missing is its own, or the current one', async () => {
  const attendance = await attendanceOf(heardOf([], 'b'), 'bluegreen');
  expect(buildNeeded(attendance, 'bluegreen:a')).toBe('bluegreen:a');
  expect(buildNeeded(attendance, undefined)).toBe('bluegreen:b');
  expect(buildNeeded(await attendanceOf(heardOf([]), 'bluegreen'), undefined)).toBeUndefined();
});
