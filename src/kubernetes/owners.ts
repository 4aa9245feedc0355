import type { KubeObject, ManagedFields } from './resources.ts';

/** A tool that sets objects back to what a repository or a chart says. */
export interface Owner {
  /** `Argo CD`, `Flux` or `Helm` */
  readonly tool: 'Argo CD' | 'Flux' | 'Helm';
  /** The application, Kustomization or release, where the object says it. */
  readonly name?: string;
  /** Whether it sets changes back by itself; Helm does so only at the next upgrade. */
  readonly isContinuous: boolean;
}

const ARGO_LABEL = 'argocd.argoproj.io/instance';
const ARGO_TRACKING = 'argocd.argoproj.io/tracking-id';
const FLUX_KUSTOMIZE = 'kustomize.toolkit.fluxcd.io/name';
const FLUX_HELM = 'helm.toolkit.fluxcd.io/name';
const HELM_RELEASE = 'meta.helm.sh/release-name';

/** Field managers of these tools, as objects name them in `managedFields`. */
const MANAGERS: Readonly<Record<string, Owner>> = {
  'argocd-controller': { tool: 'Argo CD', isContinuous: true },
  'argocd-application-controller': { tool: 'Argo CD', isContinuous: true },
  'kustomize-controller': { tool: 'Flux', isContinuous: true },
  'helm-controller': { tool: 'Flux', isContinuous: true },
  helm: { tool: 'Helm', isContinuous: false },
};

/** Who else owns an object, by its labels, annotations and managed fields; undefined if nobody is known to. */
export function ownerOf({
  metadata: { labels = {}, annotations = {}, managedFields = [] },
}: KubeObject): Owner | undefined {
  const argo = annotations[ARGO_TRACKING]?.split(':')[0] ?? labels[ARGO_LABEL];
  if (argo !== undefined) return { tool: 'Argo CD', name: argo, isContinuous: true };
  const flux = labels[FLUX_KUSTOMIZE] ?? labels[FLUX_HELM];
  if (flux !== undefined) return { tool: 'Flux', name: flux, isContinuous: true };
  const managers = managedFields.map(ownerByManager).filter((owner) => owner !== undefined);
  const continuous = managers.find(({ isContinuous }) => isContinuous);
  if (continuous) return continuous;
  const release = annotations[HELM_RELEASE];
  return release === undefined ? managers[0] : { tool: 'Helm', name: release, isContinuous: false };
}

/** The tool behind an entry of `managedFields`; undefined for any other manager. */
export function ownerByManager({ manager = '' }: ManagedFields): Owner | undefined {
  return Object.hasOwn(MANAGERS, manager) ? MANAGERS[manager] : undefined;
}
