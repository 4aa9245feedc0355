import { afterEach, expect, test } from '@jest/globals';
import * as messages from '../../src/workflows/messages.ts';
import { describeOnKubernetes, useKubernetes } from '../support/kubernetes.ts';
import {
  type KubernetesDeployment,
  type KubernetesDeploymentOptions,
  startKubernetesDeployment,
} from '../support/kubernetes-deployment.ts';
import { rolledBack, useTemporal } from '../support/temporal.ts';

/** Whole deployments on a real API server: two Deployments that take turns behind an HTTPRoute. */

describeOnKubernetes('a deployment on Kubernetes', () => {
  const temporal = useTemporal();
  const kubernetes = useKubernetes();
  const open: KubernetesDeployment[] = [];
  afterEach(() => Promise.all(open.splice(0).map((deployment) => deployment.close())));

  async function deploy(options: Partial<KubernetesDeploymentOptions> = {}): Promise<KubernetesDeployment> {
    const deployment = await startKubernetesDeployment({
      client: temporal.client(),
      api: kubernetes.api(),
      kubeconfig: kubernetes.kubeconfig(),
      ...options,
    });
    open.push(deployment);
    await deployment.until(({ phase, checks }) => phase === 'checking' && checks.length > 0);
    await deployment.handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
    return deployment;
  }

  test('a good release gets half of the traffic, then all, and blue stays', async () => {
    const { handle, untilPhase, weights, greenReplicas, production } = await deploy();
    await untilPhase('awaiting-approval');
    expect(await weights()).toEqual([50, 50]);
    expect(production.share()).toBe(0.5);
    await handle.signal(messages.approve, { by: 'ana' });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(await weights()).toEqual([0, 100]);
    expect(await greenReplicas()).toBe(2);
  });

  test('a release that fails 40 % of its requests is rolled back: all weight on blue, green scaled to 0', async () => {
    const { handle, weights, greenReplicas } = await deploy({
      prepare: ({ production }) => production.fail('2.5.0', 0.4),
    });
    const { report } = await rolledBack(handle);
    expect(report.rollback).toMatchObject({ cause: 'breach', reason: expect.stringMatching(/^green failed/) });
    expect(await weights()).toEqual([100, 0]);
    expect(await greenReplicas()).toBe(0);
  });

  test('an image that does not exist is said at once, with nothing shifted', async () => {
    const begun = Date.now();
    const { handle, weights, greenReplicas } = await deploy({ version: '2.5.0-pull-error' });
    const { report } = await rolledBack(handle);
    expect(Date.now() - begun).toBeLessThan(60_000); // the time-out of a deploy is ten minutes
    expect(report.rollback?.reason).toMatch(/ImagePullBackOff.*2\.5\.0-pull-error/);
    expect(report.steps).toEqual([]);
    expect(await weights()).toEqual([100, 0]);
    expect(await greenReplicas()).toBe(0);
  });
});
