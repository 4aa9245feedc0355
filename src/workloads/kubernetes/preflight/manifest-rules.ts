import { type AccessRule, type Cluster, slotsOf } from '../../../kubernetes/index.ts';
import type { DeploymentTarget } from '../../../plugin/index.ts';
import type { RunContext } from '../../../util/index.ts';
import { resourceOf } from '../apply-manifests.ts';
import { parseManifests, readFolder } from '../manifests.ts';
import type { Config } from '../schema.ts';

/** What applying the folder of manifests needs: to create and patch each kind in it. */
export async function manifestRules(
  cluster: Cluster,
  { config, target }: { readonly config: Config; readonly target: DeploymentTarget },
  run: RunContext,
): Promise<AccessRule[]> {
  if (config.manifests === undefined) return [];
  const [slot] = slotsOf(config);
  const values = { service: target.service, version: target.green, slot: slot.name, namespace: config.namespace };
  const manifests = parseManifests(await readFolder(config.manifests, run), values);
  const resources = await Promise.all(manifests.map((manifest) => resourceOf(cluster, manifest, run)));
  const byPath = new Map(resources.map((resource) => [`${resource.apiVersion}/${resource.plural}`, resource]));
  return [...byPath.values()].map(({ apiVersion, plural }) => ({
    apiGroup: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '',
    resource: plural,
    verbs: ['create', 'patch'],
  }));
}
