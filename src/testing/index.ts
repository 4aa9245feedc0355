/** Conformance suites for the authors of plugins. They need no test runner of their own: docs/plugins.md shows how. */
export { type CheckSubject, checkConformance } from './check.ts';
export type { ConformanceTest } from './conformance.ts';
export { type MetricsSubject, metricsConformance } from './metrics.ts';
export { type NotifierSubject, notifierConformance } from './notifier.ts';
export { type RouterSubject, routerConformance } from './router.ts';
export { type WorkloadSubject, workloadConformance } from './workload.ts';
