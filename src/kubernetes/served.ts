import type { RunContext } from '../util/index.ts';
import type { Cluster } from './cluster.ts';
import type { Resource } from './resources.ts';

interface ResourceList {
  readonly resources: readonly { readonly name: string }[];
}

interface Group {
  readonly versions: readonly { readonly groupVersion: string }[];
}

/** Why no object of this kind can be found; undefined where the API server knows the kind, or does not say what it knows. */
export async function whyUnknown(
  cluster: Cluster,
  { apiVersion, kind, plural }: Resource,
  run: RunContext,
): Promise<string | undefined> {
  const [group = ''] = apiVersion.split('/');
  const isServed = async (version: string): Promise<boolean> =>
    (await cluster.read<ResourceList>(`/apis/${version}`, run))?.resources.some(({ name }) => name === plural) ?? false;
  try {
    if (await isServed(apiVersion)) return undefined;
    const served = [];
    for (const { groupVersion } of (await cluster.read<Group>(`/apis/${group}`, run))?.versions ?? [])
      if (await isServed(groupVersion)) served.push(groupVersion);
    const instead = served.length === 0 ? '' : `, only of ${served.join(' and ')}`;
    return `the cluster knows no ${kind} of ${apiVersion}${instead}`;
  } catch {
    run.signal.throwIfAborted();
    return undefined;
  }
}
