import {
  asLabel,
  type BothSlots,
  type Cluster,
  type ContainerStatus,
  type Place,
  type Pod,
  RESOURCES,
  selects,
} from '../../kubernetes/index.ts';
import type { InstancesSeen } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';
import { conditionOf, grouped, isAlive, problemOf } from './pod-problems.ts';

/** The pods of both slots by version, with one request that the API server answers from its cache. */
export async function observePods(
  cluster: Cluster,
  { namespace, versionLabel }: Pick<Place, 'namespace' | 'versionLabel'>,
  slots: BothSlots,
  run: RunContext,
): Promise<Record<string, InstancesSeen>> {
  const versions = slots.flatMap(({ version }) => (version === undefined ? [] : [asLabel(version)]));
  const labelSelector = `${versionLabel} in (${[...new Set(versions)].join(',')})`;
  const pods = await cluster.list<Pod>(RESOURCES.pod, { namespace, labelSelector, resourceVersion: '0' }, run);
  return Object.fromEntries(
    slots.flatMap(({ version, object }) => {
      if (version === undefined || !object) return [];
      const own = pods.filter(({ metadata: { labels = {}, deletionTimestamp } }) => {
        const isOfVersion = labels[versionLabel] === asLabel(version);
        return isOfVersion && deletionTimestamp === undefined && selects(object.spec.selector, labels);
      });
      return own.length === 0 && object.spec.replicas === 0 ? [] : [[version, seen(own)]];
    }),
  );
}

function seen(pods: readonly Pod[]): InstancesSeen {
  const restarts = pods.flatMap((pod) =>
    containersOf(pod)
      .filter(({ restartCount }) => restartCount > 0)
      .map(({ name, restartCount }) => [`${pod.metadata.name}/${name}`, restartCount] as const),
  );
  const problems = pods.flatMap((pod) => {
    const problem = problemOf(pod, undefined);
    return problem ? [{ pod: pod.metadata.name, problem }] : [];
  });
  return {
    instances: pods.filter(isAlive).length,
    ready: pods.filter(({ status }) => conditionOf(status?.conditions ?? [], 'Ready')?.status === 'True').length,
    restarts: Object.fromEntries(restarts),
    problems: [...grouped(problems), ...outOfMemory(pods)],
  };
}

/** Containers that run again after they were killed for their memory: a leak shows here before it shows in requests. */
function outOfMemory(pods: readonly Pod[]): string[] {
  return pods.flatMap((pod) =>
    containersOf(pod)
      .filter(({ lastState, state }) => lastState?.terminated?.reason === 'OOMKilled' && state?.running)
      .map(({ name }) => `${pod.metadata.name}/${name} was OOMKilled and runs again`),
  );
}

/** With its sidecars, which Kubernetes counts as init containers. */
function containersOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
