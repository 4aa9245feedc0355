import { execa } from 'execa';
import { type ControlPlane, startControlPlane } from '../../src/sandbox/kubernetes/control-plane.ts';
import { findKubernetes } from '../../src/sandbox/kubernetes/find-kubernetes.ts';
import { runGateway } from '../../src/sandbox/kubernetes/gateway.ts';
import { startKubelet } from '../../src/sandbox/kubernetes/kubelet.ts';

/** What a test in another process needs to reach it. */
export type ClusterAccess = Pick<ControlPlane, 'kubeconfig' | 'access' | 'signingKey'>;
export type Cluster = ControlPlane;

/** A control plane with the stand-ins for what runs pods and routes. */
export async function startCluster(directory: string): Promise<Cluster> {
  if (process.env['BLUEGREEN_ALL_TESTS'] === 'required') await execa('bash', ['scripts/support/build-kubernetes.sh']); // nothing, or waits for the build that CI has begun
  const plane = await startControlPlane(await findKubernetes(process.env), directory);
  const running = new AbortController();
  const kubelet = await startKubelet(plane.api);
  runGateway(plane.api, running.signal);
  return {
    ...plane,
    async stop() {
      running.abort();
      await kubelet.stop();
      await plane.stop();
    },
  };
}
