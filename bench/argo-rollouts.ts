import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { print } from '../src/cli/index.ts';
import {
  type ControlPlane,
  findKubernetes,
  installDefinitions,
  type KubernetesApi,
  type KubernetesObject,
  startControlPlane,
  startKubelet,
} from '../src/sandbox/index.ts';
import { costServices, IDLE_MS, MEASURED_MS, printCost, SETTLED_MS } from './cost.ts';
import { openFleet } from './fleet.ts';
import { BLUE, type FleetServices, GREEN } from './fleet-services.ts';
import { freePort } from './free-port.ts';
import { buildPrograms, processWith, startProcess, usageOf } from './processes.ts';

/** What the same work as that of `cost` costs with Argo Rollouts: its controller, and what it asks of Kubernetes. */

const NAMESPACE = 'default';
const GROUP = `/apis/argoproj.io/v1alpha1/namespaces/${NAMESPACE}`;
const TEMPLATE = 'errors-and-latency';

/** Builds the controller the first time, which takes minutes. @throws Error where Go, or the control plane of the tests, is missing. */
export async function benchArgoRollouts(deployments: number): Promise<void> {
  const programs = await buildPrograms('argo-rollouts/build.sh');
  const services = costServices(deployments);
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-argo-'));
  const fleet = await openFleet(services);
  let plane: ControlPlane | undefined;
  try {
    const kubernetes = await findKubernetes(process.env);
    plane = await startControlPlane(kubernetes, folder);
    const { api, kubeconfig } = plane;
    await installDefinitions(api, join(programs, 'crds'));
    // Where there are VirtualServices it also follows these, and asks for them again and again.
    await installDefinitions(api, join(kubernetes.folder, 'crds'), /^destinationrules\.networking\.istio\.io$/);
    const kubelet = await startKubelet(api);
    const controller = await startProcess(
      join(programs, 'rollouts-controller'),
      [
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--loglevel=error',
        `--metricsPort=${await freePort()}`,
        `--healthzPort=${await freePort()}`,
      ],
      { stdio: 'ignore' },
    );
    const pids = [
      controller.pid,
      await processWith(`--cert-dir=${join(folder, 'certificates')}`),
      await processWith(`--data-dir=${join(folder, 'etcd')}`),
    ];
    await delay(SETTLED_MS);
    const idle = await usageOf(pids, IDLE_MS);
    await release(api, fleet.seen, services);
    await delay(SETTLED_MS);
    const before = await measurements(api);
    const watching = await usageOf(pids, MEASURED_MS);
    const taken = (await measurements(api)) - before;

    printCost(deployments, ['Argo Rollouts: controller', 'its API server', 'its etcd'], watching, idle);
    const perMinute = taken / deployments / (MEASURED_MS / 60_000);
    print(`measurements of each deployment: ${perMinute.toFixed(1)} a minute`);
    await controller.end();
    await kubelet.stop();
  } finally {
    await plane?.stop();
    await fleet.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts blue of each, then releases green, and waits until an analysis of each runs. */
async function release(api: KubernetesApi, seen: FleetServices, services: readonly string[]): Promise<void> {
  await api.until(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`);
  await api.post(`${GROUP}/analysistemplates`, analysisOf(seen));
  for (const service of services) await api.post(`${GROUP}/rollouts`, rolloutOf(service));
  type Rollout = KubernetesObject<unknown, { phase?: string }>;
  const each = async (isWanted: (rollout: Rollout) => boolean): Promise<void> => {
    await api.until<{ items: Rollout[] }>(`${GROUP}/rollouts`, ({ items }) => items.every(isWanted));
  };
  await each(({ status }) => status?.phase === 'Healthy');
  for (const service of services) {
    await api.patch(`${GROUP}/rollouts/${service}`, { spec: { template: podOf(service, GREEN) } });
    await fetch(`${seen.origin}/shift/${service}/50`);
  }
  await each(({ status }) => status?.phase === 'Paused');
  await api.until<Runs>(
    `${GROUP}/analysisruns`,
    ({ items }) => items.filter(({ status }) => status?.phase === 'Running').length === services.length,
  );
}

type Runs = {
  items: KubernetesObject<unknown, { phase?: string; metricResults?: { count?: number }[] }>[];
};

async function measurements(api: KubernetesApi): Promise<number> {
  const { items } = await api.get<Runs>(`${GROUP}/analysisruns`);
  return items.flatMap(({ status }) => status?.metricResults ?? []).reduce((sum, { count = 0 }) => sum + count, 0);
}

const podOf = (service: string, version: string) => ({
  metadata: { labels: { app: service } },
  spec: { containers: [{ name: 'app', image: `registry.example.com/${service}:${version}` }] },
});

function rolloutOf(service: string): object {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: service },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: service } },
      template: podOf(service, BLUE),
      strategy: {
        canary: {
          analysis: { templates: [{ templateName: TEMPLATE }], args: [{ name: 'service', value: service }] },
          steps: [{ setWeight: 50 }, { pause: {} }],
        },
      },
    },
  };
}

/** The share of failed requests, and the 95th percentile of the latency. */
function analysisOf({ prometheusUrl }: FleetServices): object {
  const green = `service="{{args.service}}",version="${GREEN}"`;
  const metric = (name: string, limit: number, query: string): object => ({
    name,
    interval: '15s',
    successCondition: `len(result) == 0 || isNaN(result[0]) || result[0] < ${limit}`,
    failureLimit: 3,
    provider: { prometheus: { address: prometheusUrl, query } },
  });
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name: TEMPLATE },
    spec: {
      args: [{ name: 'service' }],
      metrics: [
        metric(
          'errors',
          0.05,
          `sum(rate(http_requests_total{${green},code=~"5.."}[1m])) / sum(rate(http_requests_total{${green}}[1m]))`,
        ),
        metric(
          'latency',
          0.5,
          `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${green}}[1m])))`,
        ),
      ],
    },
  };
}
