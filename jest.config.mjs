/** `npm test` runs all but the long stories, `npm run test:long` those alone: CONTRIBUTING.md. */
const LONG = '\\.long\\.test\\.ts$';
const kind = process.env['BLUEGREEN_TESTS'] ?? 'short';

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testRegex: [kind === 'long' ? LONG : '\\.test\\.ts$'],
  testPathIgnorePatterns: ['/node_modules/', ...(kind === 'short' ? [LONG] : [])],
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
  testTimeout: 600_000, // only ends what hangs: a busy machine may take ten times as long as a calm one
};
