import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KubernetesObject } from '../../src/sandbox/kubernetes/api.ts';
import { describeOnKubernetes, useKubernetes } from '../support/kubernetes.ts';
import {
  createGateway,
  createRoute,
  createService,
  createSlots,
  ROUTES,
  type RouteKindName,
  routePath,
  SLOTS,
} from '../support/kubernetes-slots.ts';
import { BLUE, GREEN, idle, newOperation, openRouter } from './kubernetes-scene.ts';

describeOnKubernetes('routes', () => {
  const { api, kubeconfig, namespace } = useKubernetes();
  const router = (kind: RouteKindName = 'http-route', routes: readonly string[] = ['rec'], more: object = {}) =>
    openRouter({ kubeconfig: kubeconfig(), namespace: namespace(), router: { kind, routes, ...more } });
  const route = (kind: RouteKindName = 'http-route', name = 'rec') =>
    api().get<KubernetesObject<Record<string, unknown>>>(routePath(kind, namespace(), name));

  beforeEach(async () => {
    await createSlots(api(), namespace(), [BLUE, GREEN]);
    await createGateway(api(), namespace());
  });

  const backend = (name: string, weight?: number) => ({ name, port: 80, ...(weight === undefined ? {} : { weight }) });
  const destination = (host: string, weight?: number) => ({
    destination: { host, port: { number: 80 } },
    ...(weight === undefined ? {} : { weight }),
  });

  describe.each<[RouteKindName, object]>([
    [
      'http-route',
      {
        parentRefs: [{ name: 'edge' }],
        hostnames: ['rec.example'],
        rules: [
          {
            name: 'api',
            matches: [{ path: { type: 'PathPrefix', value: '/api' } }],
            filters: [
              { type: 'RequestMirror', requestMirror: { backendRef: backend('rec-green') } },
              { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-a', value: 'b' }] } },
            ],
            timeouts: { request: '10s' },
            backendRefs: [backend('rec-blue', 60), backend('legacy', 40), backend('rec-green', 0)],
          },
          { matches: [{ path: { type: 'PathPrefix', value: '/other' } }], backendRefs: [backend('other')] },
          { backendRefs: [backend('rec-blue'), backend('rec-green', 0)] },
        ],
      },
    ],
    [
      'grpc-route',
      {
        parentRefs: [{ name: 'edge' }],
        rules: [
          {
            matches: [{ method: { service: 'shop.Rec' } }],
            filters: [{ type: 'RequestMirror', requestMirror: { backendRef: backend('rec-green') } }],
            backendRefs: [backend('rec-blue', 60), backend('legacy', 40), backend('rec-green', 0)],
          },
          { backendRefs: [backend('other', 7)] },
        ],
      },
    ],
    [
      'virtual-service',
      {
        hosts: ['rec.example'],
        gateways: ['edge'],
        http: [
          {
            match: [{ uri: { prefix: '/api' } }],
            mirror: { host: 'rec-green' },
            retries: { attempts: 3 },
            timeout: '10s',
            route: [destination('rec-blue', 60), destination('legacy', 40), destination('rec-green', 0)],
          },
          { match: [{ uri: { prefix: '/other' } }], route: [destination('other')] },
          { route: [destination('NAMESPACED', 100), destination('rec-green', 0)] },
        ],
      },
    ],
  ])('%s', (kind, spec) => {
    test('changes the weights of the two slots and nothing else, and back', async () => {
      const written = JSON.parse(
        JSON.stringify(spec).replace('NAMESPACED', `rec-blue.${namespace()}.svc.cluster.local`),
      ) as object;
      for (const name of ['legacy', 'other'])
        await createService(api(), namespace(), { name, selector: { app: name } });
      await createRoute(api(), namespace(), { kind, spec: written });
      const before = await route(kind);
      const weightsOf = (object: KubernetesObject<Record<string, unknown>>): number[] =>
        [...JSON.stringify(object.spec).matchAll(/"weight":(\d+)/g)].map(([, weight]) => Number(weight));
      const rest = ({ metadata, spec: own }: KubernetesObject<Record<string, unknown>>) => {
        const {
          resourceVersion: _,
          generation: __,
          managedFields: ___,
          ...kept
        } = metadata as unknown as Record<string, unknown>;
        return [kept, JSON.stringify(own).replace(/"weight":\d+/g, '"weight":0')];
      };

      expect(await router(kind).readTraffic(idle())).toEqual({ [BLUE]: 100, [GREEN]: 0 });
      expect(await router(kind).readSlots?.(idle())).toEqual({ [BLUE]: 'rec-blue', [GREEN]: 'rec-green' });
      const evidence = await router(kind).setTraffic(newOperation(), 50, idle());
      expect(await router(kind).readTraffic(idle())).toEqual({ [BLUE]: 50, [GREEN]: 50 });
      const shifted = await route(kind);
      expect(rest(shifted)).toEqual(rest(before));
      expect(weightsOf(shifted).slice(0, 3)).toEqual([30, 40, 30]); // the third backend keeps its share
      expect(weightsOf(shifted).slice(3)).toEqual(
        { 'http-route': [1, 50, 50], 'grpc-route': [7], 'virtual-service': [50, 50] }[kind],
      );
      expect(evidence[0]).toMatchObject({ measured: 'rec-blue 50 %, rec-green 50 %' });
      expect(evidence.at(-1)?.measured).toMatch(
        kind === 'virtual-service' ? /no gateway confirms/ : /^accepted by Gateway edge$/,
      );

      await router(kind).setTraffic(newOperation(), 0, idle());
      expect(weightsOf(await route(kind)).slice(0, 3)).toEqual([60, 40, 0]);
      expect(await router(kind).readTraffic(idle())).toEqual({ [BLUE]: 100, [GREEN]: 0 });
    });
  });

  /** Somebody else changes the route all the time. @returns ends it, and how often it was */
  async function changing(patchOf: (count: number) => object, pauseMs: number): Promise<() => Promise<number>> {
    let count = 0;
    const stop = new AbortController();
    const touching = (async () => {
      while (!stop.signal.aborted) {
        count += 1;
        await api().patch(routePath('http-route', namespace(), 'rec'), patchOf(count));
        await sleep(pauseMs);
      }
    })();
    await until(() => count > 3);
    return async () => {
      stop.abort();
      await touching;
      return count;
    };
  }

  test('changes a route whose annotations change without a pause', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route' });
    const end = await changing((count) => ({ metadata: { annotations: { count: `${count}` } } }), 0);
    for (const percentage of [10, 50, 90, 100, 0]) {
      await router().setTraffic(newOperation(), percentage, idle());
      expect(await router().readTraffic(idle())).toEqual({ [BLUE]: 100 - percentage, [GREEN]: percentage });
    }
    const count = await end();
    expect((await route()).metadata.annotations?.['count']).toBe(`${count}`);
  });

  test('repeats a change of a route whose spec was changed in between, and keeps what was changed', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route' });
    const end = await changing((count) => ({ spec: { hostnames: [`h${count}.example`] } }), 10);
    const said: unknown[] = [];
    const heard = { ...idle(), heartbeat: (details: unknown) => void said.push(details) };
    const repeated = (): boolean => JSON.stringify(said).includes('somebody else changed it in between');
    for (let percentage = 10; percentage <= 50 || !repeated(); percentage = percentage === 90 ? 10 : percentage + 10) {
      await router().setTraffic(newOperation(), percentage, heard);
      expect(await router().readTraffic(idle())).toEqual({ [BLUE]: 100 - percentage, [GREEN]: percentage });
    }
    const count = await end();
    expect((await route()).spec?.['hostnames']).toEqual([`h${count}.example`]);
  });

  test('shifts several routes together; a rollback goes on where one of them cannot be changed', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route', name: 'one' });
    await createRoute(api(), namespace(), { kind: 'http-route', name: 'two', metadata: { labels: { frozen: 'no' } } });
    await createRoute(api(), namespace(), { kind: 'http-route', name: 'three' });
    const all = () => router('http-route', ['one', 'two', 'three']);
    await all().setTraffic(newOperation(), 50, idle());
    expect(await all().readTraffic(idle())).toEqual({ [BLUE]: 50, [GREEN]: 50 });

    await api().patch(routePath('http-route', namespace(), 'two'), { metadata: { labels: { frozen: 'yes' } } });
    await denyChanges({ frozen: 'yes' }, 'frozen for the audit');
    await expect(all().setTraffic(newOperation(), 80, idle())).rejects.toThrow(
      /two.*frozen for the audit.*\(1 of 3 routes have 80 %\)/s,
    );
    await expect(all().readTraffic(idle())).rejects.toMatchObject({
      type: 'TrafficDisagrees',
      message: expect.stringMatching(/one, rule 1 has rec-blue 20 %, rec-green 80 %.*two, rule 1 has rec-blue 50 %/s),
    });
    await expect(all().setTraffic(newOperation(), 0, idle())).rejects.toThrow(
      /two.*frozen for the audit.*\(2 of 3 routes have 0 %\)/s,
    );
    expect(await router('http-route', ['one', 'three']).readTraffic(idle())).toEqual({ [BLUE]: 100, [GREEN]: 0 });
  });

  test('changes no route if one of them cannot have the share', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route', name: 'one' });
    await createRoute(api(), namespace(), {
      kind: 'http-route',
      name: 'two',
      spec: ROUTES['http-route'].rules([3, 0], [{ name: 'rec-other', port: 80, weight: 1 }]),
    });
    await expect(router('http-route', ['one', 'two']).setTraffic(newOperation(), 50, idle())).rejects.toThrow(
      /two, rule 1 cannot give green 50 %: .* add up to 3/,
    );
    expect(await router('http-route', ['one']).readTraffic(idle())).toEqual({ [BLUE]: 100, [GREEN]: 0 });
  });

  test('a route in another namespace needs a ReferenceGrant; the gateway says so', async () => {
    const edge = `${namespace()}-edge`;
    await api().post('/api/v1/namespaces', { metadata: { name: edge } });
    await createGateway(api(), edge);
    const [blue, green] = SLOTS.map((name) => ({ name, namespace: namespace(), port: 80 }));
    await createRoute(api(), edge, {
      kind: 'http-route',
      spec: {
        parentRefs: [{ name: 'edge' }],
        rules: [
          {
            backendRefs: [
              { ...blue, weight: 100 },
              { ...green, weight: 0 },
            ],
          },
        ],
      },
    });
    const outside = () => router('http-route', [`${edge}/rec`], { timeout: 3_000 });
    await expect(outside().setTraffic(newOperation(), 50, idle())).rejects.toThrow(
      /not known to be in effect.*RefNotPermitted.*not permitted by any ReferenceGrant/s,
    );
    await api().post(`/apis/gateway.networking.k8s.io/v1beta1/namespaces/${namespace()}/referencegrants`, {
      apiVersion: 'gateway.networking.k8s.io/v1beta1',
      kind: 'ReferenceGrant',
      metadata: { name: 'edge' },
      spec: {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: edge }],
        to: [{ group: '', kind: 'Service' }],
      },
    });
    await until(async () => (await outside().preflight?.(idle()))?.problems.length === 0);
    await outside().setTraffic(newOperation(), 50, idle());
    expect(await outside().readTraffic(idle())).toEqual({ [BLUE]: 50, [GREEN]: 50 });
    await api().delete(`/api/v1/namespaces/${edge}`);
  });

  test('a gateway that refuses, or does not answer, is no shift; its words are said', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route' });
    const impatient = () => router('http-route', ['rec'], { timeout: 2_000 });
    const annotate = (says: string | null) =>
      api().patch(routePath('http-route', namespace(), 'rec'), {
        metadata: { annotations: { 'sandbox/gateway': says } },
      });
    await impatient().setTraffic(newOperation(), 10, idle());
    await annotate('ignore');
    for (const percentage of [50, 0])
      await expect(impatient().setTraffic(newOperation(), percentage, idle())).rejects.toThrow(
        /HTTPRoute .*rec was changed, but is not known to be in effect after 1 s: Gateway edge has not accepted generation \d+/,
      );
    expect((await impatient().preflight?.(idle()))?.problems).toEqual([
      expect.objectContaining({ found: expect.stringContaining('has not accepted the newest generation') }),
    ]);
    await annotate('the filter is not supported');
    await expect(impatient().setTraffic(newOperation(), 50, idle())).rejects.toThrow(
      /Gateway edge says Accepted is False \(UnsupportedValue\): the filter is not supported/,
    );
    await annotate(null);
    await impatient().setTraffic(newOperation(), 0, idle());
    expect((await impatient().preflight?.(idle()))?.problems).toEqual([]);
  });

  test('a route that no controller serves is shifted, and the evidence says that nobody confirmed it', async () => {
    const spec = { ...ROUTES['http-route'].rules([100, 0]), parentRefs: [{ name: 'nobody' }] };
    await createRoute(api(), namespace(), { kind: 'http-route', spec });
    const evidence = await router().setTraffic(newOperation(), 50, idle());
    expect(evidence.at(-1)?.measured).toBe(`no controller answers for ${namespace()}/nobody`);
  });

  test('an error of Istio for this generation is a problem; a remark, or an older one, is evidence, and none of them stops a shift', async () => {
    await createRoute(api(), namespace(), { kind: 'virtual-service' });
    const { generation = 0 } = (await route('virtual-service')).metadata;
    const message = (level: string, code: string) => ({
      documentationUrl: `https://istio.io/analysis/${code}/`,
      level,
      type: { code },
    });
    const analysed = (observedGeneration: number) =>
      api().patch(`${routePath('virtual-service', namespace(), 'rec')}/status`, {
        status: {
          observedGeneration: String(observedGeneration),
          validationMessages: [message('ERROR', 'IST0101'), message('ERROR', 'IST0101'), message('WARNING', 'IST0132')],
        },
      });
    const observed = async () => {
      const { evidence = [], problems = [] } = (await router('virtual-service').preflight?.(idle())) ?? {};
      return { said: evidence.find(({ source }) => source === 'its status')?.measured, problems };
    };

    await analysed(generation);
    const now = await observed();
    expect(now.problems).toEqual([
      {
        found: `Istio's analysis of VirtualService ${namespace()}/rec says ERROR IST0101`,
        unblock: expect.stringContaining(`istioctl analyze --namespace ${namespace()}`),
      },
    ]);
    expect(now.said).toMatch(/confirms a change of weights; Istio's analysis says ERROR IST0101; WARNING IST0132$/);
    const shifted = await router('virtual-service').setTraffic(newOperation(), 50, idle());
    expect(shifted.at(-1)?.measured).toMatch(/IST0101, of generation \d/);
    const after = await observed();
    expect(after.problems).toEqual([]);
    expect(after.said).toMatch(/ERROR IST0101, of generation \d/);
  });

  describe('preflight and a shift refuse', () => {
    test.each([
      [
        'a rule with only one of the slots',
        [backend('rec-blue', 1)],
        /no backend with the Service .*rec-green, .*add it with weight 0/,
      ],
      [
        'a rule with a slot twice',
        [backend('rec-blue', 1), backend('rec-green', 0), { ...backend('rec-green', 0), port: 81 }],
        /2 backends with the Service .*rec-green, expected one/,
      ],
      [
        'weights that cannot be split',
        [backend('rec-blue', 1), backend('rec-green', 0), backend('rec-blue-old', 9)],
        /cannot give green 50 %/,
      ],
      [
        'a route without any of the slots',
        [backend('other', 1)],
        /has no rule with the Services .*rec-blue and .*rec-green/,
      ],
    ])('%s', async (_, backendRefs, words) => {
      await createRoute(api(), namespace(), {
        kind: 'http-route',
        spec: { parentRefs: [{ name: 'nobody' }], rules: [{ backendRefs }] },
      });
      const problems = (await router().preflight?.(idle()))?.problems ?? [];
      expect(problems.map(({ found }) => found)).toEqual([expect.stringMatching(words)]);
      await expect(router().setTraffic(newOperation(), 50, idle())).rejects.toThrow(words);
    });

    test.each([
      [
        'http-route',
        {
          parentRefs: [{ name: 'nobody' }],
          rules: [
            {
              filters: [{ type: 'RequestMirror', requestMirror: { backendRef: backend('rec-green') } }],
              backendRefs: [backend('rec-blue', 100), backend('rec-green', 0)],
            },
          ],
        },
      ],
      [
        'virtual-service',
        {
          hosts: ['rec.example'],
          http: [{ mirror: { host: 'rec-green' }, route: [destination('rec-blue', 100), destination('rec-green', 0)] }],
        },
      ],
    ] as const)('%s: copies of requests to a slot', async (kind, spec) => {
      await createRoute(api(), namespace(), { kind, spec });
      expect((await router(kind).preflight?.(idle()))?.problems).toEqual([
        expect.objectContaining({ found: expect.stringMatching(/ mirrors requests to the Service .*rec-green: /) }),
      ]);
    });

    test('a host that Istio takes for no Service of the cluster', async () => {
      const green = destination(`rec-green.${namespace()}`, 0);
      const spec = { hosts: ['rec.example'], http: [{ route: [destination('rec-blue', 100), green] }] };
      await createRoute(api(), namespace(), { kind: 'virtual-service', spec });
      expect((await router('virtual-service').preflight?.(idle()))?.problems).toEqual([
        expect.objectContaining({ found: expect.stringMatching(/no backend with the Service .*rec-green/) }),
      ]);
    });

    test('a route that does not exist', async () => {
      expect((await router().preflight?.(idle()))?.problems).toEqual([
        expect.objectContaining({ found: expect.stringMatching(/there is no HTTPRoute .*rec: correct router.routes/) }),
      ]);
    });
  });

  test('shifts nothing to a slot with another version, or without a pod that is ready', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route' });
    const deployment = `/apis/apps/v1/namespaces/${namespace()}/deployments/rec-green`;
    await api().patch(deployment, { spec: { replicas: 0 } });
    await api().until<KubernetesObject<unknown, { readyReplicas?: number }>>(
      deployment,
      ({ status }) => !status?.readyReplicas,
    );
    await expect(router().setTraffic(newOperation(), 50, idle())).rejects.toThrow('none of its 0 replicas is ready');
    await router().setTraffic(newOperation(), 0, idle());
    await api().patch(deployment, {
      spec: { template: { metadata: { labels: { 'app.kubernetes.io/version': '9.9.9' } } } },
    });
    await expect(router().setTraffic(newOperation(), 50, idle())).rejects.toThrow(
      'rec-green has 9.9.9, expected 2.5.0',
    );
  });

  test('where both slots have one version, the one with the traffic is blue', async () => {
    await createRoute(api(), namespace(), { kind: 'http-route', spec: ROUTES['http-route'].rules([0, 100]) });
    const deployment = `/apis/apps/v1/namespaces/${namespace()}/deployments/rec-blue`;
    await api().patch(deployment, {
      spec: { template: { metadata: { labels: { 'app.kubernetes.io/version': GREEN } } } },
    });
    const serving = openRouter({
      kubeconfig: kubeconfig(),
      namespace: namespace(),
      router: { kind: 'http-route', routes: ['rec'] },
      blue: GREEN,
    });
    expect(await serving.readSlots?.(idle())).toEqual({ [GREEN]: 'rec-green' });
    expect(await serving.readTraffic(idle())).toEqual({ [GREEN]: 100 });
    await serving.setTraffic(newOperation(), 0, idle());
    expect(await serving.readTraffic(idle())).toEqual({ [GREEN]: 100 });
  });

  test('says who set the weights back, and what to configure', async () => {
    await createRoute(api(), namespace(), {
      kind: 'http-route',
      metadata: { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:gateway.networking.k8s.io/HTTPRoute:x/rec' } },
    });
    await router().setTraffic(newOperation(), 50, idle());
    const path = `${routePath('http-route', namespace(), 'rec')}?fieldManager=argocd-controller`;
    await api().patch(path, { spec: ROUTES['http-route'].rules([100, 0]) });
    const said = await router().lastChange?.(idle());
    expect(said).toMatch(/HTTPRoute .*rec was changed by "argocd-controller"/);
    expect(said).toContain('the Application shop');
    expect(said).toContain('.spec.rules[].backendRefs[].weight');
    expect((await router().preflight?.(idle()))?.evidence).toContainEqual(
      expect.objectContaining({ measured: expect.stringMatching(/^Argo CD \(shop\), which sets changes back unless/) }),
    );
  });

  test('says that a HelmRelease set the weights back, and what to configure there', async () => {
    await createRoute(api(), namespace(), {
      kind: 'http-route',
      metadata: {
        labels: { 'helm.toolkit.fluxcd.io/name': 'shop' },
        annotations: { 'meta.helm.sh/release-name': 'shop' },
      },
    });
    await router().setTraffic(newOperation(), 50, idle());
    const path = `${routePath('http-route', namespace(), 'rec')}?fieldManager=helm-controller`;
    await api().patch(path, { spec: ROUTES['http-route'].rules([100, 0]) });
    const said = await router().lastChange?.(idle());
    expect(said).toMatch(/changed by "helm-controller".*: let the chart of the HelmRelease shop keep what is there/);
    expect(said).not.toContain('kustomize');
    expect((await router().preflight?.(idle()))?.evidence).toContainEqual(
      expect.objectContaining({
        measured: expect.stringMatching(/^Flux HelmRelease \(shop\), which sets changes back at an upgrade/),
      }),
    );
  });

  /** Nobody may change routes of this namespace with these labels. */
  async function denyChanges(matchLabels: Readonly<Record<string, string>>, message: string): Promise<void> {
    const name = `deny-${namespace()}`;
    const admission = '/apis/admissionregistration.k8s.io/v1';
    const apiVersion = 'admissionregistration.k8s.io/v1';
    await api().post(`${admission}/validatingadmissionpolicies`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace() } },
          objectSelector: { matchLabels },
          resourceRules: [
            {
              apiGroups: ['gateway.networking.k8s.io'],
              apiVersions: ['*'],
              resources: ['httproutes'],
              operations: ['UPDATE'],
            },
          ],
        },
        validations: [{ expression: 'false', message }],
      },
    });
    await api().post(`${admission}/validatingadmissionpolicybindings`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
    await until(() =>
      api()
        .patch(routePath('http-route', namespace(), 'two'), { metadata: { annotations: { probe: 'yes' } } })
        .then(
          () => false,
          () => true,
        ),
    );
  }
});

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 50));
}
