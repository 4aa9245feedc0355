import { expect, test } from '@jest/globals';
import { parseRunbook } from '../../src/runbook/load.ts';
import { format } from '../support/registry.ts';
import { GUIDE_TEXT, guide, guideWith } from './support.ts';

/** The guide's runbook with the short form. */
const short = (text = GUIDE_TEXT) =>
  text
    .replace('workload:\n  kind: command\n', 'platform:\n  kind: command\n')
    .replace('router:\n  kind: command\n', '');
const parse = (text: string) => parseRunbook(text, { file: 'x.yaml', format });

test('platform is short for a workload and a router of one kind', () => {
  expect(short()).not.toMatch(/^(workload|router):/m);
  expect(parse(short())).toEqual(guide());
  const { workload, router } = parse(short().replace('platform:\n', 'platform:\n  timeout: 3m\n'));
  expect([workload.timeout, router.timeout]).toEqual([180_000, 180_000]);
});

test('mistakes in it are named as the person wrote them, once, with their line', () => {
  const line = GUIDE_TEXT.split('\n').indexOf('workload:') + 1;
  expect(() => parse(short().replace('  kind: command\n', '  kind: command\n  shift: [x]\n'))).toThrow(
    new RegExp(`^x\\.yaml:\\d+:\\d+: platform\\.shift: unknown key "shift", `),
  );
  expect(() => parse(short().replace('kind: command', 'kind: helm'))).toThrow(
    `x.yaml:${line + 1}:9: platform.kind: found "helm", expected command`,
  );
  const problems = () => parse(short().replace('  rollback: [rollback, --service, "{service}"]\n', ''));
  expect(problems).toThrow(/platform\.rollback: missing, expected a program and its arguments as a list/);
});

test('it is one or the other, and one of them has to be there', () => {
  expect(() => parse(`${GUIDE_TEXT}\nplatform: { kind: command }\n`)).toThrow(/unknown key "platform"/);
  expect(() => parse(guideWith(['workload:', 'workloads:']))).toThrow(/workload: missing/);
});
