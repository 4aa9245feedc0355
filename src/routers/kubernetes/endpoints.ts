import { type Cluster, type EndpointSlice, type ObjectRef, RESOURCES } from '../../kubernetes/index.ts';
import type { RunContext } from '../../util/index.ts';

/** The addresses of a Service that are ready. */
export async function readyAddresses(
  cluster: Cluster,
  { namespace, name }: Pick<ObjectRef, 'namespace' | 'name'>,
  run: RunContext,
): Promise<readonly string[]> {
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const slices = await cluster.list<EndpointSlice>(RESOURCES.endpointSlice, { namespace, labelSelector }, run);
  const ready = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses = [] }) => addresses);
  return [...new Set(ready)];
}
