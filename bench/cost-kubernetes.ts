import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ControlPlane,
  createObjects,
  findKubernetes,
  type Route,
  runGateway,
  startControlPlane,
  startKubelet,
} from '../src/sandbox/index.ts';
import { costServices, measureFleet } from './cost.ts';
import { type Fleet, openFleet, type Platform } from './fleet.ts';
import type { FleetServices } from './fleet-services.ts';
import { processWith } from './processes.ts';

/** What the same work as that of `cost` costs on a Kubernetes control plane: two Deployments and an HTTPRoute for each service. */

/** @throws Error where the control plane of the tests is missing. */
export async function benchCostKubernetes(deployments: number): Promise<void> {
  const services = costServices(deployments);
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-cost-'));
  const running = new AbortController();
  let plane: ControlPlane | undefined;
  let fleet: Fleet | undefined;
  try {
    plane = await startControlPlane(await findKubernetes(process.env), folder);
    const { api, kubeconfig } = plane;
    fleet = await openFleet(services, slotsOf(kubeconfig));
    const { seen } = fleet;
    const kubelet = await startKubelet(api);
    runGateway(api, running.signal, { onRoutes: (routes) => follow(routes, seen) });
    for (const service of services)
      await createObjects(api, {
        namespace: service,
        slots: [`${service}-blue`, `${service}-green`],
        route: service,
        image: `registry.example.com/${service}`,
      });
    await measureFleet(fleet, services, [
      ['its API server', await processWith(`--cert-dir=${join(folder, 'certificates')}`)],
      ['its etcd', await processWith(`--data-dir=${join(folder, 'etcd')}`)],
    ]);
    await kubelet.stop();
  } finally {
    running.abort();
    await fleet?.stop();
    await plane?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const slotsOf =
  (kubeconfig: string): Platform =>
  (service) =>
    `
workload:
  kind: kubernetes
  cluster: { kubeconfig: "${kubeconfig}" }
  namespace: ${service}
  slots: { ${service}-blue: {}, ${service}-green: {} }
  image: "registry.example.com/${service}:{version}"
router: { kind: http-route, routes: [${service}] }
`;

/** The traffic goes where the routes say. */
function follow(routes: readonly Route[], seen: FleetServices): void {
  for (const { metadata, spec } of routes) {
    const [blue = 0, green = 0] = spec?.rules?.[0]?.backendRefs?.map(({ weight = 1 }) => weight) ?? [];
    if (blue + green > 0) seen.shift(metadata.name, (100 * green) / (blue + green));
  }
}
