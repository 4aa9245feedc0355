import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../processes/index.ts';

/** What scripts/support/build-kubernetes.sh builds. A test compares it with the script's go.mod. */
export const KUBERNETES_VERSION = 'v1.34.4';

/** The programs of a control plane on this machine. */
export interface KubernetesPrograms {
  readonly etcd: string;
  /** Holds kube-apiserver, kube-controller-manager, helm, and `crds` of Gateway API and Istio. */
  readonly folder: string;
}

/** @throws Error that says what is missing and what to run. */
export async function findKubernetes(env: NodeJS.ProcessEnv): Promise<KubernetesPrograms> {
  const cache = env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache');
  const folder = join(cache, 'bluegreen', 'kubernetes', KUBERNETES_VERSION);
  const etcd = await findProgram('etcd', `${env['PATH']}:/usr/sbin`);
  const built = await access(join(folder, 'kube-apiserver')).then(
    () => true,
    () => false,
  );
  if (etcd !== undefined && built) return { etcd, folder };
  const missing = [
    ...(built
      ? []
      : [
          `kube-apiserver ${KUBERNETES_VERSION} in ${folder}: run \`bash scripts/support/build-kubernetes.sh\` in a checkout of bluegreen (needs Go, takes minutes)`,
        ]),
    ...(etcd === undefined ? ['etcd on the PATH: on Debian and Ubuntu `apt-get install etcd-server`'] : []),
  ];
  throw new Error(`A Kubernetes control plane on this machine needs ${missing.join('; and ')}.`);
}
