import type { Workload } from '../../../src/plugin/index.ts';
import type { Runbook } from '../../../src/runbook/schema.ts';
import type { KubernetesApi, KubernetesObject } from '../../../src/sandbox/kubernetes/api.ts';
import { guide } from '../../runbook/support.ts';
import { registry } from '../../support/registry.ts';

export const BLUE = '2.4.0';
export const GREEN = '2.5.0';
export const VERSION_LABEL = 'app.kubernetes.io/version';

interface WorkloadGiven {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly blue?: string;
  readonly green?: string;
  /** Keys of the workload, beside those of every one here; by default it deploys the image `shop/rec`. */
  readonly workload?: Readonly<Record<string, unknown>>;
  readonly router?: Readonly<Record<string, unknown>>;
}

/** A workload for the two slots of `createSlots`, and the route `rec`. */
export function openWorkload(given: WorkloadGiven): Workload {
  const { kubeconfig, namespace, blue = BLUE, green = GREEN } = given;
  const runbook = {
    ...guide(),
    workload: {
      kind: 'kubernetes',
      timeout: 20_000,
      cluster: { kubeconfig },
      namespace,
      slots: { 'rec-blue': {}, 'rec-green': {} },
      versionLabel: VERSION_LABEL,
      drain: 100,
      ...(given.workload ?? { image: 'shop/rec:{version}' }),
    },
    router: { kind: 'http-route', timeout: 20_000, routes: ['rec'], ...given.router },
  } as Runbook;
  const target = { deployment: 'w/r', service: 'rec', environment: 'production', blue, green, digest: 'd' };
  const log = { info() {}, warn() {}, error() {} };
  return registry.workload(runbook.workload, { target, env: {}, log, runbook });
}

let operations = 0;
export function newOperation() {
  operations += 1;
  return { id: `kubernetes-workload/${process.pid}/${operations}`, attempt: 1 };
}

export const idle = () => ({ signal: new AbortController().signal, heartbeat() {} });

interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
}
type Owner = KubernetesObject<{ readonly replicas: number; readonly template: PodTemplate }>;

export function ownerPath(namespace: string, name: string, plural = 'deployments'): string {
  return `/apis/apps/v1/namespaces/${namespace}/${plural}/${name}`;
}

/** What a slot runs. */
export async function slotOf(api: KubernetesApi, namespace: string, name: string, plural = 'deployments') {
  const { spec } = await api.get<Owner>(ownerPath(namespace, name, plural));
  const { metadata, spec: pod } = spec?.template ?? {};
  return {
    image: pod?.containers[0]?.image,
    version: metadata?.labels[VERSION_LABEL],
    replicas: spec?.replicas,
    spec,
  };
}

/** The first health of a version that is not only a matter of time: healthy, or a failure that this accepts. */
export async function healthOf(
  workload: Workload,
  version: string,
  isWanted: (problem: string) => boolean = () => false,
) {
  for (;;) {
    try {
      return { evidence: await workload.checkHealth(version, idle()), problem: '', isFinal: false };
    } catch (error) {
      const { message: problem, nonRetryable: isFinal } = error as { message: string; nonRetryable?: boolean };
      if (isFinal === true || isWanted(problem)) return { evidence: [], problem, isFinal: isFinal === true };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
