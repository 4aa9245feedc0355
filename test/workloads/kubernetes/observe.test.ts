import { describe, expect, test } from '@jest/globals';
import {
  type Cluster,
  type ContainerStatus,
  type Pod,
  RESOURCES,
  type SlotState,
} from '../../../src/kubernetes/index.ts';
import { observePods } from '../../../src/workloads/kubernetes/observe.ts';

const ready = [{ type: 'Ready', status: 'True' }];
const container = (name: string, more: Partial<ContainerStatus> = {}): ContainerStatus => ({
  name,
  ready: true,
  restartCount: 0,
  state: { running: {} },
  ...more,
});
const pod = (name: string, status: NonNullable<Pod['status']>): Pod => ({
  metadata: { name, uid: name, resourceVersion: '1', labels: { app: 'rec', version: '2.0.0' } },
  spec: { containers: [{ name: 'app' }] },
  status,
});
const slot = (name: string, version: string): SlotState => ({
  name,
  version,
  owner: { resource: RESOURCES.deployment, namespace: 'shop', name },
  service: { resource: RESOURCES.service, namespace: 'shop', name },
  object: {
    metadata: { name, uid: name, resourceVersion: '1' },
    spec: { selector: { matchLabels: { app: 'rec' } }, replicas: 2, template: { spec: { containers: [] } } },
  },
  wanted: 2,
  ready: 2,
});

async function observed(...pods: Pod[]) {
  const cluster = { list: () => Promise.resolve(pods) } as unknown as Cluster;
  const place = { namespace: 'shop', versionLabel: 'version' };
  const run = { signal: new AbortController().signal, heartbeat() {} };
  const seen = await observePods(cluster, place, [slot('rec-blue', '1.0.0'), slot('rec-green', '2.0.0')], run);
  return seen['2.0.0'];
}

describe('what the judge learns of the pods', () => {
  test('an evicted pod is no instance any more, and is named', async () => {
    const seen = await observed(
      pod('rec-green-1', { phase: 'Running', conditions: ready, containerStatuses: [container('app')] }),
      pod('rec-green-2', { phase: 'Running', conditions: ready, containerStatuses: [container('app')] }),
      pod('rec-green-0', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
    );
    expect(seen).toMatchObject({ instances: 2, ready: 2 });
    expect(seen?.problems).toEqual(['rec-green-0: Evicted: The node was low on resource: memory.']);
  });

  test('the restarts of a sidecar count, and that it was killed for its memory is said', async () => {
    const killed = container('proxy', {
      restartCount: 3,
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    });
    const seen = await observed(
      pod('rec-green-1', {
        phase: 'Running',
        conditions: ready,
        initContainerStatuses: [killed],
        containerStatuses: [container('app')],
      }),
    );
    expect(seen?.restarts).toEqual({ 'rec-green-1/proxy': 3 });
    expect(seen?.problems).toEqual(['rec-green-1/proxy was OOMKilled and runs again']);
  });
});
