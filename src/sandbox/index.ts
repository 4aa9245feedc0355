export type { Fault, FaultName } from './faults.ts';
export type { KubernetesApi, KubernetesObject } from './kubernetes/api.ts';
export { type ControlPlane, installDefinitions, startControlPlane } from './kubernetes/control-plane.ts';
export { findKubernetes, type KubernetesPrograms } from './kubernetes/find-kubernetes.ts';
export { startKubelet } from './kubernetes/kubelet.ts';
export { SHOP } from './kubernetes/objects.ts';
export { refuseMissingPackages } from './packages.ts';
export { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';
export type { ServiceFault } from './service.ts';
