export type { Fault, FaultName } from './faults.ts';
export { findKubernetes, type KubernetesPrograms } from './kubernetes/find-kubernetes.ts';
export { SHOP } from './kubernetes/objects.ts';
export { refuseMissingPackages } from './packages.ts';
export { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';
export type { ServiceFault } from './service.ts';
