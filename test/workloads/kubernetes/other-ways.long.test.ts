import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeOnKubernetes, useKubernetes } from '../../support/kubernetes.ts';
import { createGateway, createRoute, createSlots } from '../../support/kubernetes-slots.ts';
import { BLUE, GREEN, healthOf, idle, newOperation, openWorkload, ownerPath, slotOf } from './scene.ts';

/** A Deployment and a ConfigMap for one slot. Its number of replicas is not the one that counts. */
const SLOT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{slot}", labels: {app: rec}}
spec:
  replicas: 7
  selector: {matchLabels: {app: rec, slot: "{slot}"}}
  template:
    metadata: {labels: {app: rec, slot: "{slot}", app.kubernetes.io/version: "{version}"}}
    spec:
      containers:
      - {name: app, image: "shop/rec:{version}", envFrom: [{configMapRef: {name: "{slot}-config"}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{slot}-config"}
data: {greeting: "hello from {version}"}
`;

/** Versions that come by manifests, a kustomization or a command, on a real control plane. */
describeOnKubernetes('workload of kind kubernetes', () => {
  const { api, kubeconfig, namespace } = useKubernetes();
  let folder: string;
  const open = (workload: Record<string, unknown>) =>
    openWorkload({ kubeconfig: kubeconfig(), namespace: namespace(), workload });
  const slot = (name: string) => slotOf(api(), namespace(), name);
  const write = (name: string, text: string) => writeFile(join(folder, name), text);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-manifests-'));
    await createSlots(api(), namespace(), [BLUE, '2.3.0'], 2);
    await createGateway(api(), namespace());
    await createRoute(api(), namespace(), { kind: 'http-route' });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('manifests are applied with our field manager, and get as many replicas as blue has', async () => {
    await write('rec.yaml', SLOT);
    const workload = open({ manifests: folder });
    await workload.deploy(newOperation(), idle());
    await workload.deploy(newOperation(), idle());
    expect(await slot('rec-green')).toMatchObject({ image: `shop/rec:${GREEN}`, version: GREEN, replicas: 2 });
    const config = await api().get<{ data: object; metadata: { managedFields?: { manager: string }[] } }>(
      `/api/v1/namespaces/${namespace()}/configmaps/rec-green-config`,
    );
    expect(config.data).toEqual({ greeting: `hello from ${GREEN}` });
    expect(config.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['bluegreen']);
    await healthOf(workload, GREEN);
  });

  test.each([
    [
      'the slot of blue',
      SLOT.replaceAll('{slot}', 'rec-blue'),
      /hold Deployment rec-blue: it belongs to rec-blue, which serves/,
    ],
    [
      'another namespace',
      SLOT.replace('metadata: {name: "{slot}-config"}', 'metadata: {name: c, namespace: kube-system}'),
      /in the namespace kube-system/,
    ],
    [
      'a route',
      `${SLOT}---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: rec}}`,
      /hold HTTPRoute rec: it routes the traffic/,
    ],
    [
      'an object of no namespace',
      `${SLOT}---\n{apiVersion: v1, kind: Namespace, metadata: {name: other}}`,
      /Namespace other, which belongs to no namespace/,
    ],
    [
      'an autoscaler of blue',
      `${SLOT}---\n{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: rec}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: rec-blue}, maxReplicas: 9}}`,
      /it scales rec-blue, which serves/,
    ],
    [
      'an unknown kind',
      `${SLOT}---\n{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}}`,
      /the cluster knows no Thing of example\.com\/v1/,
    ],
    [
      'no slot at all',
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}',
      /have no Deployment rec-green, which is the slot rec-green/,
    ],
    [
      'another version',
      SLOT.replace('version: "{version}"', 'version: "1.0"'),
      /has the label app\.kubernetes\.io\/version: 1\.0, expected 2\.5\.0/,
    ],
    [
      'what the API server refuses',
      SLOT.replace('containers:', 'containers: []\n      ignored:'),
      /could not apply Deployment .*field not declared in schema/,
    ],
    ['no YAML', `${SLOT}\n  a: [`, /rec\.yaml is no YAML/],
  ])('manifests with %s are refused, and nothing is applied', async (_what, text, message) => {
    await write('rec.yaml', text);
    const refused = { type: 'CommandFailed', message: expect.stringMatching(message) };
    await expect(open({ manifests: folder }).deploy(newOperation(), idle())).rejects.toMatchObject(refused);
    expect(await slot('rec-green')).toMatchObject({ image: 'shop/rec:2.3.0' });
    const configs = await api().get<{ items: { metadata: { name: string } }[] }>(
      `/api/v1/namespaces/${namespace()}/configmaps`,
    );
    expect(configs.items.filter(({ metadata }) => metadata.name.startsWith('rec-'))).toEqual([]);
  });

  test('a ConfigMap that blue uses is not changed', async () => {
    const shared = SLOT.replaceAll('{slot}-config', 'rec-config');
    await api().patch(
      ownerPath(namespace(), 'rec-blue'),
      {
        spec: {
          template: { spec: { containers: [{ name: 'app', envFrom: [{ configMapRef: { name: 'rec-config' } }] }] } },
        },
      },
      'strategic',
    );
    await write('rec.yaml', shared);
    await expect(open({ manifests: folder }).deploy(newOperation(), idle())).rejects.toMatchObject({
      message: expect.stringMatching(/hold ConfigMap rec-config: the pods of rec-blue, which serves, use it/),
    });
  });

  test('a kustomization is built on the worker', async () => {
    await mkdir(join(folder, 'base'));
    await write('base/rec.yaml', SLOT.replaceAll('"{slot}"', 'x-{slot}').replaceAll('x-{slot}', '"{slot}"'));
    await write('kustomization.yaml', 'resources: [base/rec.yaml]\ncommonAnnotations: {team: shop}\n');
    await open({ kustomize: folder }).deploy(newOperation(), idle());
    expect(await slot('rec-green')).toMatchObject({ version: GREEN, replicas: 2 });
    await write('kustomization.yaml', 'resources: [missing.yaml]\n');
    await expect(open({ kustomize: folder }).deploy(newOperation(), idle())).rejects.toMatchObject({
      type: 'CommandFailed',
      message: expect.stringContaining('missing.yaml'),
    });
  });

  test('a command is waited for, as a GitOps controller takes a while, and an empty slot is scaled up', async () => {
    await api().patch(ownerPath(namespace(), 'rec-green'), { spec: { replicas: 0 } });
    const commit = 'echo "$@" > "$0"';
    const command = [
      '/bin/sh',
      '-c',
      commit,
      join(folder, 'commit'),
      '{slot}',
      '{version}',
      '{namespace}',
      '{replicas}',
    ];
    const workload = open({ command });
    const beats: unknown[] = [];
    const heartbeat = (detail: unknown) => beats.push(detail);
    const deployed = workload.deploy(newOperation(), { ...idle(), heartbeat });
    const isWaiting = (detail: unknown) =>
      (detail as { doing?: string }).doing === `waiting until ${GREEN} is in the slot rec-green`;
    while (!beats.some(isWaiting)) await new Promise((resolve) => setTimeout(resolve, 50));
    const labels = { 'app.kubernetes.io/version': GREEN };
    await api().patch(ownerPath(namespace(), 'rec-green'), { spec: { template: { metadata: { labels } } } });
    expect((await deployed).at(-1)?.measured).toBe(`has ${GREEN}; scaled from 0 to 2 replicas as blue has`);
    await healthOf(workload, GREEN);
  });

  test('a version that does not arrive is a failure that says what is there', async () => {
    const workload = open({ command: ['/bin/true'], timeout: 1_500 });
    await expect(workload.deploy(newOperation(), idle())).rejects.toMatchObject({
      type: 'CommandFailed',
      message: expect.stringMatching(/did not arrive within 1\.5 s: rec-green has 2\.3\.0, expected 2\.5\.0/),
    });
  });
});
