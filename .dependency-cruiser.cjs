// In the workflow bundle, loaded once for all workflows: test/workflows/no-state says that they keep nothing.
const SHARED = ['^src/domain/', '^src/format/'];
const FRONT_DOORS = [
  '^src/[^/]+/index\\.ts$',
  '^src/workflows/messages\\.ts$', // for clients, without the workflow
  '^src/cli/main\\.ts$', // starts without loading any command
  '^src/report/schema\\.ts$', // for the docs: brings zod
];
const LOADED_FIRST = '^src/cli/(main|program|decision-kinds|address|exit-codes|view/(format|layout|output))\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'workflow-value-imports',
      comment: 'Workflow code is deterministic: zod, Node built-ins and adapters never reach the bundle (invariant 1).',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: {
        dependencyTypesNot: ['type-only'],
        pathNot: ['^src/workflows/', ...SHARED, '(^|/)node_modules/@temporalio/(workflow|common)/'],
      },
    },
    {
      name: 'shared-stays-shared',
      comment: 'What these files import is part of the workflow bundle, too: no I/O, no packages.',
      severity: 'error',
      from: { path: SHARED },
      to: { dependencyTypesNot: ['type-only'], pathNot: SHARED },
    },
    {
      name: 'statistics-stay-pure',
      comment: 'The judge has no I/O and no packages.',
      severity: 'error',
      from: { path: '^src/judge/' },
      to: { dependencyTypesNot: ['type-only'], pathNot: [...SHARED, '^src/judge/'] },
    },
    {
      name: 'src-knows-no-scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(scripts|test|bench)/' },
    },
    {
      name: 'demo-stays-outside',
      comment: 'What serves deployments never loads the demo, its sandbox or the local server.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|demo|sandbox|local-temporal)/' },
      to: { path: '^src/(demo|sandbox|local-temporal)/' },
    },
    {
      name: 'front-doors',
      comment: 'Other folders import a folder of src by its index.ts only: what it does not export is its own.',
      severity: 'error',
      from: { path: '^src/([^/]+)/.' },
      to: { path: '^src/[^/]+/.', pathNot: ['^src/$1/', ...FRONT_DOORS] },
    },
    {
      name: 'front-doors-from-outside',
      severity: 'error',
      from: { path: '^(scripts|bench)/|^src/[^/]+\\.ts$' },
      to: { path: '^src/[^/]+/.', pathNot: FRONT_DOORS },
    },
    {
      name: 'commands-load-late',
      comment: 'A command is loaded when it is run: `npm run bench -- start-up` shows why.',
      severity: 'error',
      from: { path: LOADED_FIRST },
      to: {
        path: ['^src/cli/', '(^|/)node_modules/(@temporalio|zod|yaml)/'],
        pathNot: LOADED_FIRST,
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'traces-load-late',
      comment: 'OpenTelemetry is loaded where traces are asked for: the worker starts as fast as ever without.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/worker/open-telemetry\\.ts$' },
      to: {
        path: [
          '^src/worker/open-telemetry\\.ts$',
          '(^|/)node_modules/(@opentelemetry|@temporalio/interceptors-opentelemetry)/',
        ],
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-dev-dependency',
      comment:
        'The build bundles the charts and the Kubernetes client; packages for traces are optional peers, loaded late, and those for the sandbox ' +
        'are loaded by its own processes only.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/report/charts\\.ts$',
          '^src/kubernetes/library\\.ts$',
          '^src/worker/open-telemetry\\.ts$',
          '^src/sandbox/(database|router)-process\\.ts$',
        ],
      },
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
