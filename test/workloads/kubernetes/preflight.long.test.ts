import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Observation } from '../../../src/plugin/index.ts';
import { until } from '../../checks/support/context.ts';
import { describeOnKubernetes, useKubernetes } from '../../support/kubernetes.ts';
import { createGateway, createRoute, createSlots } from '../../support/kubernetes-slots.ts';
import { BLUE, GREEN, idle, newOperation, openWorkload, ownerPath, slotOf, VERSION_LABEL } from './scene.ts';

/** What a deployment would miss, on a real control plane. */
describeOnKubernetes('preflight of workload kubernetes', () => {
  const { api, cluster, kubeconfig, namespace } = useKubernetes();
  let folder: string;
  const open = (given: Partial<Parameters<typeof openWorkload>[0]> = {}) =>
    openWorkload({ kubeconfig: kubeconfig(), namespace: namespace(), ...given });
  const preflight = async (
    given?: Partial<Parameters<typeof openWorkload>[0]>,
    greenIsUp = false,
  ): Promise<Observation> => {
    const observation = await open(given).preflight?.(idle(), { greenIsUp });
    if (!observation) throw new Error('this workload has a preflight');
    return observation;
  };
  const problems = async (...given: Parameters<typeof preflight>) =>
    (await preflight(...given)).problems.map(({ found, unblock }) => `${found} -> ${unblock}`);
  const post = (path: string, body: object) => api().post(path.replace('NS', namespace()), body);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bluegreen-preflight-'));
    await createSlots(api(), namespace(), [BLUE, '2.3.0'], 2);
    await createGateway(api(), namespace());
    await createRoute(api(), namespace(), { kind: 'http-route' });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('two slots that are as they should be have no problem, and nothing changes', async () => {
    const before = await slotOf(api(), namespace(), 'rec-green');
    const { evidence, problems: found } = await preflight();
    expect(found).toEqual([]);
    expect(evidence).toContainEqual({ what: 'slot rec-blue', measured: 'rec-blue has 2.4.0, 2 of 2 replicas ready' });
    expect(evidence.map(({ what }) => what)).toContain('permissions in the namespace ' + namespace());
    expect(await slotOf(api(), namespace(), 'rec-green')).toEqual(before);
  });

  /** The kubeconfig of the service account of the namespace, which may do nothing. */
  async function strangerConfig(): Promise<string> {
    const path = `/api/v1/namespaces/${namespace()}/serviceaccounts/default/token`;
    const { status } = await api().post<{ status: { token: string } }>(path, { spec: { expirationSeconds: 600 } });
    const file = join(folder, 'kubeconfig');
    const text = await readFile(kubeconfig(), 'utf8');
    await writeFile(file, text.replace(cluster().access.token, status.token));
    return file;
  }

  test('the printed Role is all that the worker needs', async () => {
    const stranger = await strangerConfig();
    await expect(open({ kubeconfig: stranger }).deploy(newOperation(), idle())).rejects.toMatchObject({
      type: 'CommandFailed',
      message: expect.stringMatching(
        /deployments\.apps "rec-\w+" is forbidden: .*; "bluegreen runbook validate --probe FILE" on the worker prints the Role/,
      ),
    });
    const { problems: found } = await preflight({ kubeconfig: stranger });
    expect(found).toHaveLength(1);
    const [{ found: what, unblock } = { found: '', unblock: '' }] = found;
    expect(what).toMatch(
      /^the worker \(system:serviceaccount:test-\w+:default\) may not get, patch deployments\.apps; /,
    );
    const role = unblock.slice(unblock.indexOf('apiVersion'));
    execFileSync('kubectl', ['--kubeconfig', kubeconfig(), 'apply', '-f', '-'], { input: role });

    await until(async () => (await problems({ kubeconfig: stranger })).length === 0); // a new Role is seen a moment later
    const router = {
      kind: 'command',
      shiftTraffic: ['/bin/true'],
      rollback: ['/bin/true'],
      status: ['echo', `{"traffic": {"${BLUE}": 100}}`],
    };
    const workload = open({ kubeconfig: stranger, router });
    await workload.deploy(newOperation(), idle());
    await workload.observe?.(idle());
    await workload.describe?.(GREEN, idle());
    await workload.stop(newOperation(), idle());
    expect(await slotOf(api(), namespace(), 'rec-green')).toMatchObject({ version: GREEN, replicas: 0 });
  });

  test('a quota without room for both sides', async () => {
    await post('/api/v1/namespaces/NS/resourcequotas', { metadata: { name: 'few' }, spec: { hard: { pods: '5' } } });
    const path = `/api/v1/namespaces/${namespace()}/resourcequotas/few`;
    const untilFourAreUsed = () =>
      api().until<{ status?: { used?: { pods?: string } } }>(path, ({ status }) => status?.used?.pods === '4');
    await untilFourAreUsed();
    expect(await problems()).toEqual([]);
    await api().patch(ownerPath(namespace(), 'rec-green'), { spec: { replicas: 0 } });
    await api().patch(ownerPath(namespace(), 'rec-blue'), { spec: { replicas: 4 } });
    await api().until<{ status?: { readyReplicas?: number } }>(
      ownerPath(namespace(), 'rec-blue'),
      ({ status }) => status?.readyReplicas === 4,
    );
    await untilFourAreUsed(); // they are counted a little later
    expect(await problems()).toEqual([
      expect.stringMatching(
        /ResourceQuota few has no room for 4 more pods of rec-green: pods has 5, [45] are used, 4 more are needed -> raise pods/,
      ),
    ]);
  });

  test('Services that select the wrong pods, or have no port there', async () => {
    const service = (name: string) => `/api/v1/namespaces/${namespace()}/services/${name}`;
    await api().patch(service('rec-green'), { spec: { selector: { slot: null } } });
    await api().patch(service('rec-blue'), { spec: { ports: [{ port: 8080, targetPort: 'http' }] } });
    expect(await problems()).toEqual([
      expect.stringContaining(
        'port 8080 of Service rec-blue goes to the port "http" of the pods, and rec-blue has no port of that name',
      ),
      expect.stringContaining('Service rec-green of the slot rec-green also selects the pods of rec-blue'),
      expect.stringContaining('the Services of the slots have different ports: rec-blue has 8080, rec-green has 80'),
    ]);
    await api().patch(service('rec-green'), { spec: { selector: { app: 'other' } } });
    expect((await problems())[1]).toContain(
      'Service rec-green does not select the pods of its slot rec-green: it selects app=other',
    );
  });

  test('an autoscaler and a disruption budget that would fight a deployment', async () => {
    const scaler = '/apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers';
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'rec-green' };
    await post(scaler, {
      metadata: { name: 'rec-green' },
      spec: { scaleTargetRef: target, minReplicas: 1, maxReplicas: 1 },
    });
    await post('/apis/policy/v1/namespaces/NS/poddisruptionbudgets', {
      metadata: { name: 'rec' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'rec' } } },
    });
    expect(await problems()).toEqual([
      expect.stringContaining('HorizontalPodAutoscaler rec-green allows 1 replicas of green, and blue has 2'),
      expect.stringContaining(
        'HorizontalPodAutoscaler rec-green may scale green from 2 to 1 replicas before it has traffic',
      ),
      expect.stringContaining('PodDisruptionBudget rec counts the pods of rec-blue and rec-green together'),
    ]);
    const policies = [{ type: 'Percent', value: 10, periodSeconds: 300 }];
    const spec = { maxReplicas: 9, behavior: { scaleDown: { policies } } };
    await api().patch(`${scaler.replace('NS', namespace())}/rec-green`, { spec });
    expect(await problems()).toEqual([expect.stringContaining('PodDisruptionBudget rec')]);
  });

  test('a green that was scaled down before its first traffic', async () => {
    await open().deploy(newOperation(), idle());
    await api().patch(ownerPath(namespace(), 'rec-green'), { spec: { replicas: 1 } });
    expect(await problems({}, true)).toEqual([
      expect.stringMatching(
        /^green has 1 replicas and blue 2: .* -> kubectl scale deployments\/rec-green --replicas=2 -n test-/,
      ),
    ]);
  });

  test('a version that was rolled back is deployed again', async () => {
    await open().deploy(newOperation(), idle());
    await open().stop(newOperation(), idle());
    expect((await slotOf(api(), namespace(), 'rec-green')).replicas).toBe(0);
    expect(await problems()).toEqual([]);
    await open().deploy(newOperation(), idle());
    expect(await problems({}, true)).toEqual([]);
  });

  test('slots that Flux sets back, and who else owns them', async () => {
    const labels = { 'kustomize.toolkit.fluxcd.io/name': 'shop' };
    await api().patch(ownerPath(namespace(), 'rec-green'), { metadata: { labels } });
    await api().patch(ownerPath(namespace(), 'rec-blue'), {
      metadata: { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:x/rec-blue' } },
    });
    const { evidence, problems: found } = await preflight();
    expect(found.map(({ found: what }) => what)).toEqual([
      expect.stringMatching(/^Flux Kustomization \(shop\) sets Deployment rec-green back to what its repository says/),
    ]);
    expect(evidence).toContainEqual({
      what: 'who else owns Deployment rec-blue',
      measured: 'Argo CD (shop)',
      required: expect.stringContaining('RespectIgnoreDifferences=true'),
    });
    const annotations = { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' };
    await api().patch(ownerPath(namespace(), 'rec-green'), { metadata: { annotations } });
    expect(await problems()).toEqual([]);
  });

  test('slots of a HelmRelease, which changes nothing between its upgrades', async () => {
    const labels = { 'helm.toolkit.fluxcd.io/name': 'shop', 'helm.toolkit.fluxcd.io/namespace': 'apps' };
    const annotations = { 'meta.helm.sh/release-name': 'shop' };
    await api().patch(ownerPath(namespace(), 'rec-green'), { metadata: { labels, annotations } });
    const { evidence, problems: found } = await preflight();
    expect(found).toEqual([]);
    expect(evidence).toContainEqual({
      what: 'who else owns Deployment rec-green',
      measured: 'Flux HelmRelease (shop)',
      required: expect.stringMatching(/^a chart that keeps .* \(lookup\), and an ignore rule in driftDetection/),
    });
  });

  test('a slot that is missing, is paused, or selects by the version', async () => {
    await api().delete(ownerPath(namespace(), 'rec-green'));
    expect(await problems()).toEqual([
      expect.stringMatching(/^the slot rec-green has no Deployment rec-green in the namespace test-\w+ -> create it/),
    ]);
    const labels = { app: 'rec', slot: 'rec-green', [VERSION_LABEL]: '2.3.0' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'shop/rec:2.3.0' }] } };
    await post('/apis/apps/v1/namespaces/NS/deployments', {
      metadata: { name: 'rec-green' },
      spec: { replicas: 2, paused: true, selector: { matchLabels: labels }, template },
    });
    expect(await problems()).toEqual([
      expect.stringContaining('the selector of Deployment rec-green holds the version label'),
      expect.stringContaining('Deployment rec-green is paused -> kubectl rollout resume deployment/rec-green'),
    ]);
  });

  test('blue is not complete', async () => {
    const pods = `/api/v1/namespaces/${namespace()}/pods`;
    const { items } = await api().get<{ items: { metadata: { name: string } }[] }>(
      `${pods}?labelSelector=slot=rec-blue`,
    );
    for (const { metadata } of items)
      await api().patch(`${pods}/${metadata.name}`, { metadata: { annotations: { 'sandbox/fault': 'never-ready' } } });
    await api().until<{ status?: { readyReplicas?: number } }>(
      ownerPath(namespace(), 'rec-blue'),
      ({ status }) => status?.readyReplicas === undefined,
    );
    expect(await problems()).toEqual([
      expect.stringMatching(/^rec-blue, which serves, is not complete: rec-blue has 0 of 2 pods of 2\.4\.0 ready/),
    ]);
  });
});
