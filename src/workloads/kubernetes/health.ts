import {
  asLabel,
  type Cluster,
  type EndpointSlice,
  type Pod,
  type PodOwner,
  RESOURCES,
  type SlotState,
  selectorText,
  slotWords,
} from '../../kubernetes/index.ts';
import type { Evidence } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';
import {
  conditionOf,
  creationProblem,
  grouped,
  isAlive,
  type KubeEvent,
  type PodProblem,
  problemOf,
} from './pod-problems.ts';

/** Warnings are read of so many pods at most. */
const MOST_EXPLAINED = 3;

/** How a slot is. It is healthy where there is no problem. */
export interface SlotHealth {
  readonly evidence: Evidence;
  readonly problem?: string;
  /** The problem does not heal by itself. */
  readonly isFinal?: true;
}

/** Whether all replicas that a slot should have are updated, available and behind its Service; and if not, why. */
export async function slotHealth(
  cluster: Cluster,
  slot: SlotState,
  { version, versionLabel }: { readonly version: string; readonly versionLabel: string },
  run: RunContext,
): Promise<SlotHealth> {
  const { name, object, wanted, owner, service } = slot;
  if (!object) return { evidence: [], problem: slotWords(slot) };
  const { generation = 0 } = object.metadata;
  const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = object.status ?? {};
  const isObserved = observedGeneration >= generation;
  const endpoints = await readyEndpoints(cluster, slot, run);
  const said = isObserved
    ? `${updatedReplicas} updated and ${availableReplicas} available of ${wanted} replicas`
    : 'its newest change is not observed yet';
  const evidence = [
    {
      what: `${owner.resource.kind} ${owner.name}`,
      measured: said,
      required: `all ${wanted}`,
    },
    { what: `ready endpoints of Service ${service.name}`, measured: String(endpoints), required: `${wanted}` },
  ];
  const isComplete = isObserved && [updatedReplicas, availableReplicas, replicas].every((count) => count === wanted);
  if (isComplete && wanted > 0 && endpoints >= wanted) return { evidence };

  if (wanted === 0) return { evidence, problem: `${name} is scaled to 0` };
  if (object.spec.paused) {
    const resume = `kubectl rollout resume deployment/${owner.name} -n ${owner.namespace}`;
    return { evidence, problem: `${owner.name} is paused: run ${resume}` };
  }
  if (isComplete)
    return {
      evidence,
      problem: `all pods of ${name} are available, but its Service ${service.name} has ${endpoints} of ${wanted} ready endpoints`,
    };
  const found = await podProblems(cluster, slot, { version, versionLabel }, run);
  const counts = `${name} has ${found.ready} of ${wanted} pods of ${version} ready`;
  const words = [...found.creation.map((one) => one.words), ...grouped(found.pods)];
  if (words.length === 0) words.push(`${owner.resource.kind} ${owner.name}: ${said}${minReady(object)}`);
  const isFinal = [...found.creation, ...found.pods.map(({ problem }) => problem)].some((one) => one.isFinal);
  return {
    evidence,
    problem: [counts, ...words].join('; '),
    ...(isFinal && { isFinal }),
  };
}

/** Why pods that are ready may not be available yet, and a rolling update waits for them. */
function minReady({ spec: { minReadySeconds = 0 } }: PodOwner): string {
  return minReadySeconds > 0 ? ` (minReadySeconds: ${minReadySeconds})` : '';
}

interface Found {
  readonly ready: number;
  readonly creation: readonly PodProblem[];
  readonly pods: readonly { readonly pod: string; readonly problem: PodProblem }[];
}

/** What the pods of a version in a slot say is wrong, and why pods are missing. */
async function podProblems(
  cluster: Cluster,
  { object, owner }: SlotState,
  { version, versionLabel }: { readonly version: string; readonly versionLabel: string },
  run: RunContext,
): Promise<Found> {
  if (!object) return { ready: 0, creation: [], pods: [] };
  const { namespace } = owner;
  const ofVersion = `${selectorText(object.spec.selector)},${versionLabel}=${asLabel(version)}`;
  const pods = await cluster.list<Pod>(RESOURCES.pod, { namespace, labelSelector: ofVersion }, run);
  const present = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const isReady = ({ status }: Pod) => conditionOf(status?.conditions ?? [], 'Ready')?.status === 'True';
  const ready = present.filter(isReady).length;
  const missing = present.filter((pod) => !isReady(pod));
  const unready = [...missing.filter(isAlive), ...missing.filter((pod) => !isAlive(pod))];
  const warnings = await Promise.all(
    unready.slice(0, MOST_EXPLAINED).map(({ metadata }) => newestWarning(cluster, namespace, metadata.uid, run)),
  );
  const found = unready.flatMap((pod, index) => {
    const problem = problemOf(pod, warnings[index]);
    return problem ? [{ pod: pod.metadata.name, problem }] : [];
  });
  return { ready, creation: await creationProblems(), pods: found };

  async function creationProblems(): Promise<PodProblem[]> {
    const failure = conditionOf(object?.status?.conditions ?? [], 'ReplicaFailure');
    if (failure?.status === 'True') {
      // The condition keeps its first reason, also where pods are refused for another one by now.
      const isOwn = ({ involvedObject }: KubeEvent) => involvedObject?.name?.replace(/-[^-]*$/, '') === owner.name;
      const newest = await newestEvent(cluster, { namespace, fieldSelector: FAILED_CREATE }, run, isOwn);
      return [creationProblem(newest?.message ?? failure.message ?? '')];
    }
    // A StatefulSet has no such condition.
    if (!object || owner.resource.kind !== 'StatefulSet' || pods.length >= (object.spec.replicas ?? 1)) return [];
    const event = await newestWarning(cluster, namespace, object.metadata.uid, run);
    return event?.reason === 'FailedCreate' ? [creationProblem(event.message ?? '')] : [];
  }
}

/** Of ReplicaSets: a Deployment has none itself. */
const FAILED_CREATE = 'involvedObject.kind=ReplicaSet,reason=FailedCreate,type=Warning';

/** The newest warning about an object. A back-off only says that something else failed before. */
function newestWarning(
  cluster: Cluster,
  namespace: string,
  uid: string,
  run: RunContext,
): Promise<KubeEvent | undefined> {
  const fieldSelector = `involvedObject.uid=${uid},type=Warning`;
  return newestEvent(cluster, { namespace, fieldSelector }, run, ({ reason }) => reason !== 'BackOff');
}

async function newestEvent(
  cluster: Cluster,
  where: { readonly namespace: string; readonly fieldSelector: string },
  run: RunContext,
  isWanted: (event: KubeEvent) => boolean,
): Promise<KubeEvent | undefined> {
  const events = await cluster.list<KubeEvent>(RESOURCES.event, where, run);
  const at = ({ lastTimestamp, eventTime, metadata }: KubeEvent) =>
    Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;
  return events.filter(isWanted).sort((a, b) => at(b) - at(a))[0];
}

/** How many pods the Service of a slot sends requests to. A pod with two addresses is one. */
async function readyEndpoints(cluster: Cluster, { service }: SlotState, run: RunContext): Promise<number> {
  const slices = await cluster.list<EndpointSlice>(
    RESOURCES.endpointSlice,
    { namespace: service.namespace, labelSelector: `kubernetes.io/service-name=${service.name}` },
    run,
  );
  const ready = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.map(({ targetRef, addresses }) => targetRef?.name ?? addresses?.[0])).size;
}
