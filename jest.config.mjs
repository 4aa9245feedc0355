import { execFileSync } from 'node:child_process';

/** `npm test` runs all but the long stories, `npm run test:long` those alone: CONTRIBUTING.md. */
const LONG = '\\.long\\.test\\.ts$';
const kind = process.env['BLUEGREEN_TESTS'] ?? 'short';

/** Tests that take long, of what changes rarely or is used by others as well. */
const RARE = [
  'activities/further-metrics',
  'activities/run-remedy.held-up',
  'backtest/rehearse',
  'chaos/held-and-queued',
  'chaos/kubernetes',
  'chaos/late-command',
  'chaos/model',
  'chaos/parts',
  'chaos/rollback-after',
  'chaos/server',
  'chaos/train',
  'chaos/worker-stop',
  'chaos/zombie',
  'checks/deployment-monitoring',
  'checks/load-test',
  'checks/postgres-pooler',
  'checks/postgres-versions',
  'checks/prometheus-alerts',
  'cli/bluegreen.freeze',
  'cli/bluegreen.train',
  'cli/rehearse',
  'conformance/checks',
  'conformance/kubernetes-routers',
  'conformance/metrics',
  'container',
  'docs/ci',
  'docs/commands',
  'end-to-end/examples',
  'end-to-end/haproxy',
  'end-to-end/names',
  'end-to-end/nginx',
  'end-to-end/prometheus',
  'end-to-end/train',
  'judge/power',
  'judge/sequential.burst',
  'judge/sequential.property',
  'metrics/prometheus',
  'metrics/prometheus-preflight',
  'metrics/schemes',
  'monitoring/metrics',
  'monitoring/tracing',
  'monitoring/tracing.replay',
  'package',
  'sandbox/commands',
  'sandbox/faults',
  'sandbox/kubernetes',
  'sandbox/lifecycle',
  'state/store',
  'state/two-workers',
  'temporal/few-search-attributes',
  'temporal/versioning',
  'ui/temporal-ui',
  'worker/health',
  'worker/logger',
  'workloads/kubernetes/other-ways',
];

/** With BLUEGREEN_RARE_TESTS=sample, as in CI, each commit runs a third of these: the next ones run the others. */
function leftOut() {
  if (process.env['BLUEGREEN_RARE_TESTS'] !== 'sample') return [];
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  const third = Number.parseInt(commit.slice(0, 8), 16) % 3;
  return RARE.filter((_, index) => index % 3 !== third).map((name) => `/test/${name}(\\.long)?\\.test\\.ts$`);
}

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testRegex: [kind === 'long' ? LONG : '\\.test\\.ts$'],
  testPathIgnorePatterns: ['/node_modules/', ...(kind === 'short' ? [LONG] : []), ...leftOut()],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  maxWorkers: 3, // most tests wait for something
  workerIdleMemoryLimit: '1GB', // modules of a test file are never freed, and a heap of gigabytes makes long pauses
  testTimeout: 600_000, // only ends what hangs: a busy machine may take ten times as long as a calm one
};
