export { commandWorkload } from './command/workload.ts';
