import { join } from 'node:path';
import { type Child, startChild } from '../children.ts';
import type { Green, Production, ProductionOptions } from '../production.ts';
import type { Route as RouterRoute } from '../router.ts';
import { FIRST_VERSION, QUERIES, type ServiceConfig, type ServiceFault } from '../service.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Backends, routesOf, type Service } from './data-plane.ts';
import type { KubernetesPrograms } from './find-kubernetes.ts';
import { runGateway } from './gateway.ts';
import { type PodProcess, startKubelet } from './kubelet.ts';
import { createObjects, SHOP, VERSION_LABEL } from './objects.ts';
import { type Pod, soundTag } from './pod.ts';

/**
 * Production on Kubernetes: a real control plane; its pods are the service's processes, and the sandbox's router is the gateway.
 * What runs and who gets traffic is changed over the API alone.
 */
export interface KubernetesProduction extends Production {
  readonly plane: ControlPlane;
}

/** Starts the first version with all traffic. @throws when a part does not start; nothing is left running. */
export async function startKubernetesProduction(
  options: ProductionOptions & { readonly programs: KubernetesPrograms },
): Promise<KubernetesProduction> {
  const { directory, databaseUrl } = options;
  const plane = await startControlPlane(options.programs, join(directory, 'kubernetes'));
  const { api } = plane;
  const stopping = new AbortController();
  const releases = new Map<string, Release>();
  const releaseOf = (version: string): Release => {
    const release = releases.get(version) ?? createRelease({ version, directory, databaseUrl });
    releases.set(version, release);
    return release;
  };
  const kubelet = await startKubelet(api, {
    exists: (image) => !image.startsWith(`${SHOP.image}:`) || QUERIES.has(soundTag(image)),
    run: (pod, { image }) =>
      image.startsWith(`${SHOP.image}:`)
        ? releaseOf(pod.metadata.labels?.[VERSION_LABEL] ?? soundTag(image)).run(pod)
        : undefined,
  }).catch(async (error: unknown) => {
    await plane.stop();
    throw error;
  });

  let seen: Backends = { route: undefined, services: [], pods: [] };
  let routes: readonly RouterRoute[] = [];
  let blue = FIRST_VERSION;
  let setting: Promise<unknown> = Promise.resolve();
  let served: () => void = () => undefined;
  const serving = new Promise<void>((resolve) => {
    served = resolve;
  });
  const see = (change: Partial<Backends>): void => {
    seen = { ...seen, ...change };
    const next = routesOf(seen, (ip) => kubelet.processAt(ip)?.origin);
    if (JSON.stringify(next) === JSON.stringify(routes) || stopping.signal.aborted) return;
    routes = next;
    // The old blue's slot was taken by a new version: what serves now is blue.
    if (!next.some(({ version }) => version === blue)) blue = next.reduce(busier, next[0])?.version ?? blue;
    setting = setRoutes(setting, next);
    options.onChange(greenOf(next));
    if (next.some(({ origins }) => origins.length > 0)) served();
  };
  const setRoutes = async (before: Promise<unknown>, next: readonly RouterRoute[]): Promise<void> => {
    await before;
    await options.setRoutes(next).catch((error: unknown) => console.error('sandbox:', error));
  };
  const greenOf = (all: readonly RouterRoute[]): Green | undefined => {
    const route = all.find(({ version }) => version !== blue);
    return route && { version: route.version, percentage: route.percentage, process: releaseOf(route.version) };
  };
  api.follow<Service>({
    path: `/api/v1/namespaces/${SHOP.namespace}/services`,
    signal: stopping.signal,
    onChange: (services) => see({ services }),
  });
  api.follow<Pod>({
    path: `/api/v1/namespaces/${SHOP.namespace}/pods`,
    signal: stopping.signal,
    onChange: (pods) => see({ pods }),
  });
  runGateway(api, stopping.signal, {
    onRoutes: (all) =>
      see({ route: all.find(({ metadata }) => metadata.namespace === SHOP.namespace && metadata.name === SHOP.route) }),
  });

  const stop = async (): Promise<void> => {
    stopping.abort();
    await kubelet.stop();
    await setting;
    await plane.stop();
  };
  try {
    await createObjects(api, SHOP);
    await serving;
    await setting;
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    plane,
    deploy: notHere,
    shiftTraffic: notHere,
    rollback: notHere,
    async disturb(version, fault) {
      const release = releases.get(version);
      if (!release?.isAlive()) throw new Error(`version ${version} is not running`);
      await release.order(fault);
    },
    traffic: () => Object.fromEntries(routes.map(({ version, percentage }) => [version, percentage])),
    stop,
  };
}

const busier = (one: RouterRoute | undefined, other: RouterRoute): RouterRoute =>
  one && one.percentage >= other.percentage ? one : other;

async function notHere(): Promise<never> {
  throw new Error('this production runs on Kubernetes: change it with kubectl');
}

/** All processes of one version; what is wrong with it is wrong with each, also with those that start later. */
interface Release extends Pick<Child<ServiceFault>, 'order' | 'isAlive'> {
  run(pod: Pod): Promise<PodProcess>;
}

function createRelease(options: {
  readonly version: string;
  readonly directory: string;
  readonly databaseUrl: string;
}): Release {
  const { version, directory, databaseUrl } = options;
  const processes = new Set<Child<ServiceFault>>();
  let fault: ServiceFault = {};
  return {
    isAlive: () => [...processes].some((process) => process.isAlive()),
    async order(given) {
      fault = given;
      await Promise.all([...processes].filter((one) => one.isAlive()).map((one) => one.order(given)));
    },
    async run({ metadata }) {
      const config: ServiceConfig = { version: soundTag(version), databaseUrl };
      const process = await startChild<ServiceFault>({
        program: 'service-process',
        name: metadata.name,
        config,
        directory,
      });
      processes.add(process);
      await process.order(fault);
      return {
        origin: `http://127.0.0.1:${process.port}`,
        isAlive: () => process.isAlive(),
        async stop() {
          processes.delete(process);
          await process.stop();
        },
      };
    },
  };
}
