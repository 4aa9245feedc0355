export { type Probe, probeRunbook } from './probe.ts';
