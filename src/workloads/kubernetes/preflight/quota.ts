import {
  type Cluster,
  type Container,
  type KubeObject,
  type PodTemplate,
  RESOURCES,
  type SlotState,
} from '../../../kubernetes/index.ts';
import type { Observation } from '../../../plugin/index.ts';
import type { RunContext } from '../../../util/index.ts';
import type { Config } from '../schema.ts';

interface ResourceQuota extends KubeObject {
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}

/** Whether every ResourceQuota of the namespace has room for green at blue's size. */
export async function observeQuota(
  cluster: Cluster,
  { blue, green }: { readonly blue: SlotState; readonly green: SlotState },
  { namespace }: Config,
  run: RunContext,
): Promise<Observation> {
  const quotas = await cluster.list<ResourceQuota>(RESOURCES.resourceQuota, { namespace }, run);
  const template = (green.object ?? blue.object)?.spec.template;
  const more = Math.max(0, blue.wanted - green.wanted);
  const problems = quotas.flatMap(({ metadata, status: { hard = {}, used = {} } = {} }) =>
    Object.entries(hard).flatMap(([resource, limit]) => {
      const needed = template ? more * perPod(template, resource) : 0;
      const free = quantity(limit) - quantity(used[resource] ?? '0');
      if (needed <= free) return [];
      return [
        {
          found: `the ResourceQuota ${metadata.name} has no room for ${more} more pods of ${green.name}: ${resource} has ${limit}, ${used[resource] ?? '0'} are used, ${shown(needed)} more are needed`,
          unblock: `raise ${resource} in the ResourceQuota ${metadata.name} of the namespace ${namespace}, or free some of it`,
        },
      ];
    }),
  );
  const names = quotas.map(({ metadata }) => metadata.name).join(', ');
  return {
    evidence: [
      {
        what: `room for ${blue.wanted} replicas of green`,
        measured:
          quotas.length === 0
            ? 'no ResourceQuota'
            : problems.length === 0
              ? `enough in ${names}`
              : `not enough in ${names}`,
        required: `${more} more pods`,
      },
    ],
    problems,
  };
}

/** What one pod takes of a resource of a quota: `pods`, `requests.cpu`, `limits.memory`. */
function perPod({ spec }: PodTemplate, resource: string): number {
  if (resource === 'pods' || resource === 'count/pods') return 1;
  const [, kind = 'requests', name = ''] =
    /^(?:(requests|limits)\.)?(cpu|memory|ephemeral-storage)$/.exec(resource) ?? [];
  const of = ({ resources = {} }: Container) => {
    const { requests = {}, limits = {} } = resources;
    return quantity((kind === 'limits' ? limits[name] : (requests[name] ?? limits[name])) ?? '0');
  };
  return spec.containers.reduce((sum, container) => sum + of(container), 0);
}

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes, such as `500m` or `1.5Gi`, as a number. */
export function quantity(text: string): number {
  const [, number = '0', suffix = ''] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(number) * (SUFFIXES[suffix] ?? 1);
}

function shown(value: number): string {
  const [suffix = '', factor = 1] =
    Object.entries(SUFFIXES)
      .filter(([name, size]) => name.endsWith('i') && value >= size)
      .at(-1) ?? [];
  return `${Number((value / factor).toFixed(3))}${suffix}`;
}
