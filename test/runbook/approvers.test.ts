import { expect, test } from '@jest/globals';
import { approval } from '../../src/runbook/approval-schema.ts';
import { approvalProblem } from '../../src/runbook/approvers.ts';

const GROUPS: Readonly<Record<string, readonly string[]>> = { managers: ['Ana', 'ben'], nobody: [] };
const membersOf = (group: string) => GROUPS[group];

function problem(written: object, requestedBy?: string): string | undefined {
  const step = { percentage: 50, soak: 1, approval: approval.parse(written) };
  return approvalProblem({ traffic: [step] }, requestedBy === undefined ? {} : { requestedBy }, membersOf);
}

test.each([
  [{ required: 2, approvers: ['ana', 'ANA'] }, 'found 1 person, expected at least 2 (required)'],
  [{ approvers: [] }, '>=1'],
  [{ approvers: ['group:'] }, 'the name of the group: expected lower-case letters'],
  [{ approvers: ['\u0007ana'] }, 'expected one line without control characters'],
  [{ approvers: ['Group:managers'] }, 'which would be the name of a person; expected group: in lower case'],
  [{ approvers: [' group:managers'] }, 'which would be the name of a person; expected group: in lower case'],
  [{ approvers: [' '] }, 'expected a name, or group: and the name of a group'],
  [{ onTimeout: 'nothing' }, 'expected one of'],
])('%j is no approval that a gate could ask for', (written, message) => {
  const found = approval.safeParse(written);
  expect(found.success).toBe(false);
  expect(found.error?.message).toContain(message);
});

test('a request that nobody could approve is refused before anything is deployed', () => {
  expect(problem({})).toBeUndefined();
  expect(problem({ notRequester: true })).toBe(
    'request.requestedBy: missing, expected the name of who requests this deployment: the runbook wants somebody else to approve (traffic[0].approval.notRequester)',
  );
  expect(problem({ notRequester: true, approvers: ['ana', 'ben'] }, 'ana')).toBeUndefined();
  expect(problem({ notRequester: true, required: 2, approvers: ['ana', 'ben'] }, 'CI')).toBeUndefined();
  expect(problem({ notRequester: true, required: 2, approvers: ['ana', 'ben'] }, 'Ana')).toBe(
    'traffic[0].approval: 2 people have to approve, and only ben may: Ana requests this deployment and may not. Somebody else has to request it, or the list needs more people',
  );
});

test('the members of groups count as people', () => {
  expect(problem({ required: 2, approvers: ['group:managers'] })).toBeUndefined();
  expect(problem({ required: 3, approvers: ['ana', 'group:managers'] })).toContain(
    '3 people have to approve, and only ana, ben may.',
  );
  expect(problem({ approvers: ['group:nobody'] })).toContain('1 person has to approve, and nobody may.');
  expect(problem({ approvers: ['group:managers', 'group:missing'] })).toBe(
    'traffic[0].approval.approvers: found the group "missing", which is not in the file of groups (BLUEGREEN_GROUPS of the worker)',
  );
});
