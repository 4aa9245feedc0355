import { expect, test } from '@jest/globals';
import { findingOf } from '../../src/plugin/observation.ts';

const problem = (unblock: string) => ({ evidence: [], problems: [{ found: 'it is missing', unblock }] });

test('what to do is one line', () => {
  const finding = findingOf([problem('create it'), problem('start it')], 'all there');
  expect(finding).toMatchObject({ passed: false, unblock: 'create it; start it' });
});

test('what has lines of its own can be pasted as it is', () => {
  const role = 'apply this:\nkind: Role\nname: one';
  const finding = findingOf([problem('create it'), problem(role), problem('start it')], 'all there');
  expect(finding).toMatchObject({ unblock: `create it\n${role}\nstart it` });
});
