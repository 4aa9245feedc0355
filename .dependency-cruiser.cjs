const PURE = ['^src/workflows/', '^src/report/', '^src/runbook/plan\\.ts$', '^src/errors\\.ts$'];

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
      from: { path: ['^src/report/', '^src/runbook/plan\\.ts$', '^src/errors\\.ts$', '^src/judge/'] },
      to: { dependencyTypesNot: ['type-only'], pathNot: [...PURE.slice(1), '^src/judge/'] },
    },
    {
      name: 'src-knows-no-scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(scripts|test|sandbox|bench)/' },
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
