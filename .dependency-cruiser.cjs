const PURE = ['^src/workflows/', '^src/report/report\\.ts$', '^src/runbook/plan\\.ts$', '^src/errors\\.ts$'];
const LOADED_LATE = ['^scripts/actions/', '^scripts/commands/(decide|judge-line|request|temporal|to-problem)\\.ts$'];

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'workflow-value-imports',
      comment: 'Workflow code is deterministic: zod, Node built-ins and adapters never reach the bundle (invariant 1).',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: { dependencyTypesNot: ['type-only'], pathNot: [...PURE, '(^|/)node_modules/@temporalio/workflow/'] },
    },
    {
      name: 'pure-stays-pure',
      comment: 'These files are part of the workflow bundle and of the statistics: no I/O, no packages.',
      severity: 'error',
      from: { path: ['^src/report/report\\.ts$', '^src/runbook/plan\\.ts$', '^src/errors\\.ts$', '^src/judge/'] },
      to: { dependencyTypesNot: ['type-only'], pathNot: [...PURE.slice(1), '^src/judge/'] },
    },
    {
      name: 'src-knows-no-scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(scripts|test|sandbox|bench)/' },
    },
    {
      name: 'commands-load-late',
      comment: 'What a command does is loaded when it is run: scripts/actions. `npm run bench -- start-up` shows why.',
      severity: 'error',
      from: { path: '^scripts/(bluegreen\\.ts|commands/)', pathNot: LOADED_LATE },
      to: {
        path: [...LOADED_LATE, '(^|/)node_modules/(@temporalio|zod|yaml)/'],
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'traces-load-late',
      comment: 'OpenTelemetry is loaded where traces are asked for: the worker starts as fast as ever without.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/temporal/open-telemetry\\.ts$' },
      to: {
        path: [
          '^src/temporal/open-telemetry\\.ts$',
          '(^|/)node_modules/(@opentelemetry|@temporalio/interceptors-opentelemetry)/',
        ],
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
