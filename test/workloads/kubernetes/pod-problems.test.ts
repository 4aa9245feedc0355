import { describe, expect, test } from '@jest/globals';
import type { ContainerStatus, Pod } from '../../../src/kubernetes/index.ts';
import { creationProblem, grouped, problemOf } from '../../../src/workloads/kubernetes/pod-problems.ts';

const container = (more: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'app',
  ready: false,
  restartCount: 0,
  ...more,
});
const pod = (status: Pod['status']): Pod => ({
  metadata: { name: 'rec-green-1', uid: 'u', resourceVersion: '1' },
  spec: { containers: [{ name: 'app' }] },
  ...(status && { status }),
});
const waiting = (reason: string, message = '', restartCount = 0) =>
  pod({
    phase: 'Pending',
    containerStatuses: [container({ restartCount, state: { waiting: { reason, message } } })],
  });
const crashed = (restartCount: number, terminated: { exitCode: number; reason?: string }) =>
  pod({
    containerStatuses: [
      container({ restartCount, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } }),
    ],
  });
const warning = (reason: string, message: string) => ({ ...pod(undefined), reason, message, kind: 'Event' });

describe('what keeps a pod from being ready', () => {
  test('an image that the registry does not have is final once the kubelet backs off', () => {
    const message = 'Back-off pulling image "rec:9": ErrImagePull: rec:9: not found';
    expect(problemOf(waiting('ErrImagePull', 'rec:9: not found'), undefined)?.isFinal).toBe(false);
    expect(problemOf(waiting('ImagePullBackOff', message), undefined)).toEqual({
      words: `ImagePullBackOff: container app: ${message}`,
      isFinal: true,
    });
  });

  test('a registry that is away may come back', () => {
    const message = 'Back-off pulling image "rec:9": ErrImagePull: dial tcp: i/o timeout';
    expect(problemOf(waiting('ImagePullBackOff', message), undefined)?.isFinal).toBe(false);
  });

  test('an older kubelet says the cause of the back-off in an event', () => {
    const event = warning('Failed', 'Failed to pull image "rec:9": manifest unknown');
    expect(problemOf(waiting('ImagePullBackOff', 'Back-off pulling image "rec:9"'), event)).toEqual({
      words: 'ImagePullBackOff: container app: Failed to pull image "rec:9": manifest unknown',
      isFinal: true,
    });
  });

  test('a crash loop says how it ended, and is final after four restarts', () => {
    expect(problemOf(crashed(1, { exitCode: 1, reason: 'Error' }), undefined)).toEqual({
      words: 'CrashLoopBackOff: container app: exit code 1, 1 restart',
      isFinal: false,
    });
    expect(problemOf(crashed(4, { exitCode: 137, reason: 'OOMKilled' }), undefined)).toEqual({
      words: 'CrashLoopBackOff: container app: OOMKilled, exit code 137, 4 restarts',
      isFinal: true,
    });
  });

  test('a pod without a node says why, and may get one', () => {
    const message = '0/3 nodes are available: 3 Insufficient memory.';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    expect(problemOf(pod({ phase: 'Pending', conditions }), undefined)).toEqual({
      words: `Unschedulable: ${message}`,
      isFinal: false,
    });
  });

  test('a failing probe is in the newest warning', () => {
    const running = pod({ containerStatuses: [container({ state: { running: {} } })] });
    const event = warning('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503');
    expect(problemOf(running, event)?.words).toBe(
      'runs but is not ready: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503',
    );
  });

  test('a missing Secret is said, and may be created', () => {
    expect(problemOf(waiting('CreateContainerConfigError', 'secret "db" not found'), undefined)).toEqual({
      words: 'CreateContainerConfigError: container app: secret "db" not found',
      isFinal: false,
    });
  });

  test('a policy that denies the pods is final, a quota is not', () => {
    const denied = 'pods "rec" is forbidden: violates PodSecurity "restricted:latest"';
    expect(creationProblem(denied).isFinal).toBe(true);
    expect(creationProblem('pods "rec" is forbidden: exceeded quota: compute').isFinal).toBe(false);
  });

  test('the same problem of several pods is said once', () => {
    const problem = { words: 'Unschedulable: no room', isFinal: false };
    const pods = ['a', 'b', 'c', 'd'].map((name) => ({ pod: name, problem }));
    expect(grouped(pods)).toEqual(['a, b and 2 more: Unschedulable: no room']);
  });

  test('a ready pod has no problem', () => {
    const conditions = [{ type: 'Ready', status: 'True' }];
    expect(
      problemOf(pod({ conditions, containerStatuses: [container({ ready: true, restartCount: 2 })] }), undefined),
    ).toBeUndefined();
  });
});
