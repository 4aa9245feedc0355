import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { kubernetesWorkload } from '../../../src/workloads/index.ts';
import { quantity } from '../../../src/workloads/kubernetes/preflight/quota.ts';

const schema = kubernetesWorkload.schema(z.strictObject({ kind: z.literal('kubernetes'), timeout: z.any() }) as never);
const base = { kind: 'kubernetes', timeout: '10m', namespace: 'shop', slots: { 'rec-blue': {}, 'rec-green': {} } };
const problems = (config: object) =>
  (schema.safeParse({ ...base, ...config }).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

describe('workload of kind kubernetes: the runbook', () => {
  test('an image is enough', () => {
    expect(problems({ image: 'rec:{version}' })).toEqual([]);
  });

  test.each([
    ['no way to deploy', {}, /found none, expected one of image, manifests, kustomize, command/],
    ['two ways to deploy', { image: 'rec:{version}', manifests: 'k8s' }, /found image and manifests/],
    ['an image of always the same version', { image: 'rec:latest' }, /^image: expected \{version\} in it/],
    ['one slot', { image: 'rec:{version}', slots: { a: {} } }, /^slots: expected two slots/],
    [
      'one Deployment for both slots',
      { image: 'rec:{version}', slots: { a: { deployment: 'rec' }, b: { deployment: 'rec' } } },
      /^slots: expected a Deployment or StatefulSet and a Service of its own/,
    ],
    [
      'a drain that a rollback cannot wait for',
      { image: 'rec:{version}', drain: '1m' },
      /^drain: expected at most 10s/,
    ],
    ['a container without an image', { manifests: 'k8s', container: 'app' }, /^container: it belongs to image/],
  ])('%s is refused', (_what, config, message) => {
    expect(problems(config)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['2', 2],
    ['500m', 0.5],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['1e3', 1000],
    ['2k', 2000],
  ])('the quantity %s is %d', (text, value) => {
    expect(quantity(text)).toBe(value);
  });
});
