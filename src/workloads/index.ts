export { commandWorkload } from './command/workload.ts';
export { accessRules } from './kubernetes/access-rules.ts';
export { kubernetesWorkload } from './kubernetes/workload.ts';
