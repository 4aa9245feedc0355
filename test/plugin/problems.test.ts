import { expect, jest, test } from '@jest/globals';
import { registryWith } from '../../src/built-in.ts';
import { definePlugin, type PlatformContext, routerKind, workloadKind } from '../../src/plugin/index.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';

/** What the factories get. */
const created = jest.fn<(context: PlatformContext) => never>(() => {
  throw new Error('no port is needed');
});

/** Needs the workload of the same plugin, and moves all traffic or none. */
const plugin = definePlugin({
  name: 'plugin-dns',
  workloads: [
    workloadKind({ kind: 'machine', summary: 'A test.', schema: (base) => base, create: (_, own) => created(own) }),
  ],
  routers: [
    routerKind({
      kind: 'dns',
      summary: 'A test.',
      schema: (base) => base,
      problems: (_, { workload, traffic }) => [
        ...(workload.kind === 'machine'
          ? []
          : [{ path: ['workload', 'kind'], message: `found "${workload.kind}", expected machine` }]),
        ...traffic.flatMap(({ percentage }, index) =>
          percentage === 100
            ? []
            : [{ path: ['traffic', index, 'percentage'], message: `found ${percentage}, expected 100` }],
        ),
      ],
      create: (_, own) => created(own),
    }),
  ],
});

const registry = registryWith([plugin]);
const replaced = (text: string, part: string, kind: string) =>
  text.replace(new RegExp(`^${part}:\\n(?: .*\\n)+`, 'm'), `${part}:\n  kind: ${kind}\n`);
const withRouter = replaced(GUIDE_TEXT, 'router', 'dns');
const parse = (text: string) => parseRunbook(text, { file: 'x.yaml', format: registry.format });

test('a kind refuses what the rest of the runbook says, each mistake with its line', () => {
  const line = (text: string) => withRouter.split('\n').findIndex((row) => row.includes(text)) + 1;
  expect(() => parse(withRouter)).toThrow(
    new RegExp(`x\\.yaml:${line('workload:') + 1}:\\d+: workload\\.kind: found "command", expected machine`),
  );
  expect(() => parse(withRouter)).toThrow(
    new RegExp(`x\\.yaml:${line('percentage: 50')}:\\d+: traffic\\[0\\]\\.percentage: found 50, expected 100`),
  );
});

test('a workload and a router know both of their parts of the runbook', () => {
  const runbook = parse(replaced(withRouter, 'workload', 'machine').replace(/^.*percentage: 50.*\n/m, ''));
  const context = {
    target: { deployment: 'w/r', service: 's', environment: 'e', blue: '1', green: '2', digest: 'd' },
    env: {},
    log: { info() {}, warn() {}, error() {} },
    runbook,
  };
  for (const make of [
    () => registry.router(runbook.router, context),
    () => registry.workload(runbook.workload, context),
  ])
    expect(make).toThrow('no port is needed');
  for (const [{ runbook: given }] of created.mock.calls)
    expect(given).toMatchObject({ workload: { kind: 'machine' }, router: { kind: 'dns' } });
  expect(created).toHaveBeenCalledTimes(2);
});
