export { probeRunbook } from './probe.ts';
