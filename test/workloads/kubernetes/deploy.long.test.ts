import { beforeEach, expect, test } from '@jest/globals';
import { describeOnKubernetes, useKubernetes } from '../../support/kubernetes.ts';
import { createGateway, createRoute, createSlots, ROUTES, routePath } from '../../support/kubernetes-slots.ts';
import { BLUE, GREEN, healthOf, idle, newOperation, openWorkload, ownerPath, slotOf } from './scene.ts';

/** Versions that come by image, on a real control plane. */
describeOnKubernetes('workload of kind kubernetes', () => {
  const { api, kubeconfig, namespace } = useKubernetes();
  const open = (given: Partial<Parameters<typeof openWorkload>[0]> = {}) =>
    openWorkload({ kubeconfig: kubeconfig(), namespace: namespace(), ...given });
  const slot = (name: string) => slotOf(api(), namespace(), name);

  beforeEach(async () => {
    await createSlots(api(), namespace(), [BLUE, '2.3.0'], 2);
    await createGateway(api(), namespace());
    await createRoute(api(), namespace(), { kind: 'http-route' });
  });

  test('green gets the image, the version and the replicas that blue has now, and nothing else changes', async () => {
    const before = { blue: await slot('rec-blue'), green: await slot('rec-green') };
    await api().patch(ownerPath(namespace(), 'rec-blue'), { spec: { replicas: 3 } });
    const workload = open();
    await workload.deploy(newOperation(), idle());
    const { image, version, replicas, spec } = await slot('rec-green');
    expect({ image, version, replicas }).toEqual({ image: `shop/rec:${GREEN}`, version: GREEN, replicas: 3 });
    const asBefore = JSON.stringify(spec).replaceAll(GREEN, '2.3.0').replace('"replicas":3', '"replicas":2');
    expect(JSON.parse(asBefore)).toEqual(before.green.spec);
    expect((await slot('rec-blue')).spec).toEqual({ ...before.blue.spec, replicas: 3 });

    const { evidence } = await healthOf(workload, GREEN);
    expect(evidence).toEqual([
      { what: 'Deployment rec-green', measured: '3 updated and 3 available of 3 replicas', required: 'all 3' },
      { what: 'ready endpoints of Service rec-green', measured: '3', required: '3' },
    ]);
    expect(await workload.observe?.(idle())).toMatchObject({
      [BLUE]: { restarts: {}, problems: [] },
      [GREEN]: { instances: 3, ready: 3, restarts: {}, problems: [] },
    });
  });

  test('a rollback scales green to 0, and leaves a slot that never got green as it is', async () => {
    const workload = open();
    expect(await workload.stop(newOperation(), idle())).toEqual([
      { what: 'Deployment rec-green', measured: 'left as it is: rec-green has 2.3.0, not 2.5.0' },
    ]);
    await workload.deploy(newOperation(), idle());
    await workload.stop(newOperation(), idle());
    await workload.stop(newOperation(), idle());
    expect(await slot('rec-green')).toMatchObject({ replicas: 0, version: GREEN });
    expect(await slot('rec-blue')).toMatchObject({ replicas: 2 });
    expect((await healthOf(workload, GREEN, () => true)).problem).toBe('rec-green is scaled to 0');
  });

  test.each([
    ['pull-error', /ImagePullBackOff: container app: .*not found/, true],
    ['invalid-image', /InvalidImageName: container app: .*invalid reference format/, true],
    ['crash', /CrashLoopBackOff: container app: exit code 1, 4 restarts/, true],
    ['oom', /CrashLoopBackOff: container app: OOMKilled, exit code 137, 4 restarts/, true],
    [
      'never-ready',
      /runs but is not ready: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503/,
      false,
    ],
    ['unschedulable', /Unschedulable: 0\/1 nodes are available/, false],
  ])('%s is said in the words of the pods', async (fault, words, isFinal) => {
    const green = `2.5.0-${fault}`;
    const workload = open({ green });
    await workload.deploy(newOperation(), idle());
    const health = await healthOf(workload, green, (problem) => !isFinal && words.test(problem));
    expect(health).toMatchObject({ isFinal, problem: expect.stringMatching(words) });
    expect(health.problem).toMatch(/^rec-green has 0 of 2 pods of 2\.5\.0-\S+ ready; rec-green-\S+: /);
  });

  test('pods that are ready and not yet available are said to be so, with the reason', async () => {
    await api().patch(ownerPath(namespace(), 'rec-green'), { spec: { minReadySeconds: 300 } });
    const workload = open();
    await workload.deploy(newOperation(), idle());
    const { isFinal, problem } = await healthOf(workload, GREEN, (words) => /1 of 2 pods.*available/.test(words));
    expect(isFinal).toBe(false);
    expect(problem).toMatch(
      /^rec-green has 1 of 2 pods of 2\.5\.0 ready; Deployment rec-green: \d updated and \d available of 2 replicas \(minReadySeconds: 300\)$/,
    );
  });

  test('a quota that is exceeded is said, and may be raised; a policy that denies the pods is final', async () => {
    const quotas = `/api/v1/namespaces/${namespace()}/resourcequotas`;
    await api().post(quotas, { metadata: { name: 'few-pods' }, spec: { hard: { pods: '1' } } });
    await api().until<{ status?: { used?: unknown } }>(
      `${quotas}/few-pods`,
      ({ status }) => status?.used !== undefined,
    );
    const workload = open();
    await workload.deploy(newOperation(), idle());
    const exceeded = await healthOf(workload, GREEN, (problem) => problem.includes('quota'));
    expect(exceeded).toMatchObject({
      isFinal: false,
      problem: expect.stringMatching(/no pod can be created: .*exceeded quota: few-pods/),
    });

    // The same pods are refused for another reason then: the condition of the Deployment keeps the first one.
    const enforced = { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } };
    await api().patch(`/api/v1/namespaces/${namespace()}`, enforced);
    await api().delete(`${quotas}/few-pods`);
    expect(await healthOf(workload, GREEN)).toMatchObject({
      isFinal: true,
      problem: expect.stringMatching(/no pod can be created: .*violates PodSecurity "restricted/),
    });
  });

  test('a version that a label cannot hold is kept beside it', async () => {
    const green = '2.5.0+build.7';
    const workload = open({ green });
    await workload.deploy(newOperation(), idle());
    expect(await slot('rec-green')).toMatchObject({ image: 'shop/rec:2.5.0_build.7', version: '2.5.0_build.7' });
    await healthOf(workload, green);
    // The next deployment knows it as blue only from the cluster.
    const next = open({ blue: BLUE, green: '3.0.0' });
    expect(Object.keys((await next.observe?.(idle())) ?? {})).toContain(green);
    await expect(open({ green: 'v'.repeat(64) }).deploy(newOperation(), idle())).rejects.toMatchObject({
      type: 'CommandFailed',
      message: expect.stringContaining('cannot be the value of a label'),
    });
  });

  test('where both slots have one version, the one without traffic is free', async () => {
    await api().patch(ownerPath(namespace(), 'rec-green'), {
      spec: { template: { metadata: { labels: { 'app.kubernetes.io/version': BLUE } } } },
    });
    await api().patch(routePath('http-route', namespace(), 'rec'), { spec: ROUTES['http-route'].rules([0, 100]) });
    await open().deploy(newOperation(), idle());
    expect(await slot('rec-blue')).toMatchObject({ version: GREEN });
    expect(await slot('rec-green')).toMatchObject({ version: BLUE });
  });

  test('nothing is deployed while both slots have traffic', async () => {
    const spec = ROUTES['http-route'].rules([50, 50]);
    await api().patch(routePath('http-route', namespace(), 'rec'), { spec });
    const refused = { type: 'CommandFailed', message: expect.stringContaining('while the free slot may have traffic') };
    await expect(open().deploy(newOperation(), idle())).rejects.toMatchObject(refused);
    await api().patch(ownerPath(namespace(), 'rec-green'), {
      spec: { template: { metadata: { labels: { 'app.kubernetes.io/version': BLUE } } } },
    });
    await expect(open().deploy(newOperation(), idle())).rejects.toMatchObject({
      message: expect.stringContaining('both slots have traffic and one version'),
    });
    expect(await slot('rec-green')).toMatchObject({ image: 'shop/rec:2.3.0' });
  });

  test('a StatefulSet is a slot as well', async () => {
    const labels = { app: 'rec', slot: 'rec-green' };
    await api().delete(ownerPath(namespace(), 'rec-green'));
    await api().post(`/apis/apps/v1/namespaces/${namespace()}/statefulsets`, {
      metadata: { name: 'rec-green' },
      spec: {
        replicas: 1,
        serviceName: 'rec-green',
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, 'app.kubernetes.io/version': '2.3.0' } },
          spec: { containers: [{ name: 'app', image: 'shop/rec:2.3.0' }] },
        },
      },
    });
    const workload = open({
      workload: { image: 'shop/rec:{version}', slots: { 'rec-blue': {}, 'rec-green': { statefulSet: 'rec-green' } } },
    });
    await workload.deploy(newOperation(), idle());
    expect((await healthOf(workload, GREEN)).evidence[0]).toMatchObject({
      what: 'StatefulSet rec-green',
      measured: '2 updated and 2 available of 2 replicas',
    });
    await workload.stop(newOperation(), idle());
    expect(await slotOf(api(), namespace(), 'rec-green', 'statefulsets')).toMatchObject({ replicas: 0 });
  });
});
