import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nameProblem } from '../../src/cli/options.ts';
import { addressInId, deploymentWorkflowId } from '../../src/domain/plan.ts';
import { parseRequest } from '../../src/runbook/to-plan.ts';

const NAMES = [
  'shop',
  'payments_api',
  'checkoutService',
  'team/service',
  'org/team/api.v2',
  'A',
  '2048',
  'x-',
  'EU-west_1',
];

test.each(NAMES)('%s is a name of a service and of an environment', (name) => {
  expect(parseRequest({ service: name, environment: name, version: '1' })).toMatchObject({ service: name });
  expect(nameProblem(name)).toBeUndefined();
});

test.each([
  '',
  '-x',
  '/x',
  'x/',
  'a//b',
  'a/../b',
  '..',
  'a..b',
  '.x',
  'a/.x',
  'a/-x',
  'a~b',
  'a b',
  'a\\b',
  'ä',
  '__proto__',
  'valueOf',
  'x'.repeat(129),
])('%j is none', (name) => {
  expect(() => parseRequest({ service: name, version: '1' })).toThrow('request.service: found');
  expect(nameProblem(name)).toMatch(/^Expected/);
});

test('plain names keep their workflow id, and a slash in a name is written ~', () => {
  expect(deploymentWorkflowId('recommendation')).toBe('blue-green/production/recommendation');
  expect(deploymentWorkflowId('payments_api.v2', 'EU')).toBe('blue-green/EU/payments_api.v2');
  expect(deploymentWorkflowId('team/service', 'eu/production')).toBe('blue-green/eu~production/team~service');
});

test('invariant 13: two services or environments never share a workflow id', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,3}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,3}){0,2}$/);
  fc.assert(
    fc.property(name, name, (service, environment) => {
      expect(addressInId(deploymentWorkflowId(service, environment))).toEqual({ service, environment });
    }),
  );
});
