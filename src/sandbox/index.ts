export type { Fault, FaultName } from './faults.ts';
export { refuseMissingPackages } from './packages.ts';
export { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';
export type { ServiceFault } from './service.ts';
