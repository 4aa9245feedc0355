import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from '@jest/globals';
import { connect, type KubernetesApi } from '../../src/sandbox/kubernetes/api.ts';
import { findKubernetes } from '../../src/sandbox/kubernetes/find-kubernetes.ts';
import { type Cluster, type ClusterAccess, startCluster } from './kubernetes-cluster.ts';

/** Skipped, saying why, where the programs are not there; with BLUEGREEN_ALL_TESTS=required they are built. */
export const describeOnKubernetes: typeof describe.skip = await (async () => {
  if (process.env['BLUEGREEN_ALL_TESTS'] === 'required') return describe;
  return findKubernetes(process.env).then(
    () => describe,
    (error: Error) => {
      process.stderr.write(`Skipped: tests on Kubernetes. ${error.message}\n`);
      return describe.skip;
    },
  );
})();

interface KubernetesScene {
  /** Of the administrator. */
  readonly kubeconfig: () => string;
  readonly cluster: () => ClusterAccess;
  readonly api: () => KubernetesApi;
  /** Of this test alone; it is deleted afterwards. */
  readonly namespace: () => string;
}

/** The control plane that all test files of a run share, with its stand-ins for the kubelet and the gateway. */
export function useKubernetes(): KubernetesScene {
  let access: ClusterAccess;
  beforeAll(async () => {
    const answer = await fetch(process.env['TEST_KUBERNETES'] ?? '');
    if (!answer.ok) throw new Error(await answer.text());
    access = (await answer.json()) as ClusterAccess;
  });
  return sceneOf(() => access);
}

interface OwnKubernetesScene extends KubernetesScene {
  readonly own: () => Cluster;
}

/** A control plane of this file's own: for tests that kill its API server or forbid something everywhere. */
export function useOwnKubernetes(): OwnKubernetesScene {
  let cluster: Cluster;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bluegreen-kubernetes-'));
    cluster = await startCluster(directory);
  });
  afterAll(async () => {
    await cluster.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  return { ...sceneOf(() => cluster), own: () => cluster };
}

function sceneOf(cluster: () => ClusterAccess): KubernetesScene {
  let api: KubernetesApi;
  let namespace: string;
  beforeAll(() => {
    api = connect(cluster().access);
  });
  beforeEach(async () => {
    namespace = `test-${randomBytes(4).toString('hex')}`;
    await api.post('/api/v1/namespaces', { metadata: { name: namespace } });
    await api.until(`/api/v1/namespaces/${namespace}/serviceaccounts/default`); // pods need it
  });
  afterEach(() => api.delete(`/api/v1/namespaces/${namespace}`));
  afterAll(() => api.close());
  return { kubeconfig: () => cluster().kubeconfig, cluster, api: () => api, namespace: () => namespace };
}
