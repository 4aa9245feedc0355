import { redact } from '../util/index.ts';
import type { KubeObject, ManagedFields } from './resources.ts';

/** A tool that sets objects back to what a repository or a chart says. */
export interface Owner {
  readonly tool: 'Argo CD' | 'Flux Kustomization' | 'Flux HelmRelease' | 'Helm';
  /** The application, Kustomization or release, where the object says it. */
  readonly name?: string;
}

const ARGO_LABEL = 'argocd.argoproj.io/instance';
const ARGO_TRACKING = 'argocd.argoproj.io/tracking-id';
const FLUX_KUSTOMIZE = 'kustomize.toolkit.fluxcd.io/name';
const FLUX_HELM = 'helm.toolkit.fluxcd.io/name';
/** With the value `IfNotPresent` or `Ignore`, a Flux Kustomization leaves the object alone. */
export const FLUX_APPLY = 'kustomize.toolkit.fluxcd.io/ssa';
const HELM_RELEASE = 'meta.helm.sh/release-name';

/** Field managers of these tools, as objects name them in `managedFields`. */
const MANAGERS: Readonly<Record<string, Owner>> = {
  'argocd-controller': { tool: 'Argo CD' },
  'argocd-application-controller': { tool: 'Argo CD' },
  'kustomize-controller': { tool: 'Flux Kustomization' },
  'helm-controller': { tool: 'Flux HelmRelease' },
  helm: { tool: 'Helm' },
};

/** Who else owns an object, by its labels, annotations and managed fields; undefined if nobody is known to. */
export function ownerOf({
  metadata: { labels = {}, annotations = {}, managedFields = [] },
}: KubeObject): Owner | undefined {
  const argo = annotations[ARGO_TRACKING]?.split(':')[0] ?? labels[ARGO_LABEL];
  if (argo !== undefined) return { tool: 'Argo CD', name: argo };
  const kustomization = labels[FLUX_KUSTOMIZE];
  if (kustomization !== undefined) return { tool: 'Flux Kustomization', name: kustomization };
  const helmRelease = labels[FLUX_HELM];
  if (helmRelease !== undefined) return { tool: 'Flux HelmRelease', name: helmRelease };
  const managers = managedFields.map(ownerByManager).filter((owner) => owner !== undefined);
  const controller = managers.find(({ tool }) => tool !== 'Helm');
  if (controller) return controller;
  const release = annotations[HELM_RELEASE];
  return release === undefined ? managers[0] : { tool: 'Helm', name: release };
}

/** `Flux HelmRelease (shop)` */
export function ownerTitle({ tool, name }: Owner): string {
  return name === undefined ? tool : `${tool} (${redact(name)})`;
}

/** Whether a Flux Kustomization leaves the object as it is once it exists. */
export function leavesAlone({ metadata: { annotations = {} } }: KubeObject): boolean {
  return /^(IfNotPresent|Ignore)$/i.test(annotations[FLUX_APPLY] ?? '');
}

/** The tool behind an entry of `managedFields`; undefined for any other manager. */
export function ownerByManager({ manager = '' }: ManagedFields): Owner | undefined {
  return Object.hasOwn(MANAGERS, manager) ? MANAGERS[manager] : undefined;
}
