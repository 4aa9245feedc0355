import { beforeEach, expect, test } from '@jest/globals';
import { serviceRouter } from '../../src/routers/index.ts';
import type { KubernetesObject } from '../../src/sandbox/kubernetes/api.ts';
import { guide } from '../runbook/support.ts';
import { describeOnKubernetes, useKubernetes } from '../support/kubernetes.ts';
import { createService, createSlots } from '../support/kubernetes-slots.ts';
import { BLUE, GREEN, idle, newOperation, openRouter } from './kubernetes-scene.ts';

test('a step other than 100 %, another workload, and the Service of a slot are refused when the runbook is read', () => {
  const config = { kind: 'service', timeout: 60_000, service: 'rec-blue' };
  expect(serviceRouter.problems?.(config, { ...guide(), router: config })).toEqual([
    { path: ['workload', 'kind'], message: expect.stringContaining('found "command", expected kubernetes') },
    { path: ['traffic', 0, 'percentage'], message: expect.stringContaining('found 50, expected 100') },
  ]);
  const workload = { kind: 'kubernetes', timeout: 60_000, slots: { a: { service: 'rec-blue' }, b: {} } };
  expect(
    serviceRouter.problems?.(config, { ...guide(), workload, router: config, traffic: [{ percentage: 100 }] }),
  ).toEqual([{ path: ['router', 'service'], message: expect.stringContaining('the Service of the slot a') }]);
});

describeOnKubernetes('the selector of a Service', () => {
  const { api, kubeconfig, namespace } = useKubernetes();
  const router = (more: object = {}) =>
    openRouter({
      kubeconfig: kubeconfig(),
      namespace: namespace(),
      router: { kind: 'service', service: 'rec', ...more },
    });
  const path = () => `/api/v1/namespaces/${namespace()}/services/rec`;
  const selector = async () =>
    (await api().get<KubernetesObject<{ selector: Record<string, string> }>>(path())).spec?.selector;

  beforeEach(async () => {
    await createSlots(api(), namespace(), [BLUE, GREEN], 2);
    await createService(api(), namespace(), { name: 'rec', selector: { app: 'rec', slot: 'rec-blue' } });
  });

  test('is switched to green and back, when its endpoints are those of the slot', async () => {
    expect(await router().readTraffic(idle())).toEqual({ [BLUE]: 100, [GREEN]: 0 });
    const evidence = await router().setTraffic(newOperation(), 100, idle());
    expect(evidence.map(({ measured }) => measured)).toEqual([
      'selects the pods of rec-green',
      '2 ready, all of rec-green',
    ]);
    expect(await selector()).toEqual({ app: 'rec', slot: 'rec-green' });
    expect(await router().readTraffic(idle())).toEqual({ [BLUE]: 0, [GREEN]: 100 });
    await router().setTraffic(newOperation(), 0, idle());
    expect(await selector()).toEqual({ app: 'rec', slot: 'rec-blue' });
    expect((await router().preflight?.(idle()))?.problems).toEqual([]);
  });

  test('knows no shares', async () => {
    await expect(router().setTraffic(newOperation(), 50, idle())).rejects.toThrow(
      '50 % is not possible, only 0 or 100',
    );
    expect(await selector()).toEqual({ app: 'rec', slot: 'rec-blue' });
  });

  test('is not believed while no endpoint is ready', async () => {
    const pods = await api().get<{ items: KubernetesObject[] }>(
      `/api/v1/namespaces/${namespace()}/pods?labelSelector=slot%3Drec-blue`,
    );
    await router().setTraffic(newOperation(), 100, idle());
    for (const { metadata } of pods.items)
      await api().patch(`/api/v1/namespaces/${namespace()}/pods/${metadata.name}`, {
        metadata: { annotations: { 'sandbox/fault': 'never-ready' } },
      });
    await expect(router({ timeout: 4_000 }).setTraffic(newOperation(), 0, idle())).rejects.toThrow(
      /selects rec-blue, and after 2 s it has no ready endpoint/,
    );
    expect(await selector()).toEqual({ app: 'rec', slot: 'rec-blue' }); // still, as a rollback wants it
  });

  test('that selects both slots, or none, is refused', async () => {
    await api().patch(path(), { spec: { selector: { slot: null } } });
    for (const ask of [() => router().readTraffic(idle()), () => router().setTraffic(newOperation(), 100, idle())])
      await expect(ask()).rejects.toThrow(/selects the pods of both slots.*write a label into its selector/);
    await api().patch(path(), { spec: { selector: { app: 'other', slot: 'x' } } });
    await expect(router().readTraffic(idle())).rejects.toThrow('selects the pods of neither slot');
  });
});
