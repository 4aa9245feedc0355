import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { kubeconfigOf } from '../../src/sandbox/kubernetes/control-plane.ts';
import type { Route } from '../../src/sandbox/kubernetes/gateway.ts';
import * as messages from '../../src/workflows/messages.ts';
import { describeOnKubernetes, useOwnKubernetes } from '../support/kubernetes.ts';
import {
  GREEN,
  type KubernetesDeployment,
  type KubernetesDeploymentOptions,
  startKubernetesDeployment,
} from '../support/kubernetes-deployment.ts';
import { tokenOf } from '../support/service-account.ts';
import { rolledBack, useTemporal } from '../support/temporal.ts';
import { eventually } from './support/scene.ts';
import { sample, seeded } from './support/seed.ts';

/** A Role and its RoleBinding, as a check prints them. */
const ROLE = /apiVersion: rbac[\s\S]*?\nsubjects: \[.*?\]/g;

/** What a cluster does to a deployment: its API server goes, refuses, or takes changes of others. */

describeOnKubernetes(`Kubernetes under a deployment (${seeded})`, () => {
  const temporal = useTemporal();
  const { own, api } = useOwnKubernetes();
  const endings: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).toReversed()) await end();
  });

  async function begin(options: Partial<KubernetesDeploymentOptions> = {}): Promise<KubernetesDeployment> {
    const { kubeconfig } = own();
    const deployment = await startKubernetesDeployment({
      client: temporal.client(),
      api: api(),
      kubeconfig,
      ...options,
    });
    endings.push(() => deployment.close());
    await deployment.until(({ phase, checks }) => phase === 'checking' && checks.length > 0);
    await deployment.handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
    return deployment;
  }

  /** At 50 %, with much of the soak left. */
  async function soaking(options: Partial<KubernetesDeploymentOptions> = {}): Promise<KubernetesDeployment> {
    const traffic = [
      { percentage: 50, soak: '10m' },
      { percentage: 100, soak: '2s' },
    ];
    const deployment = await begin({ ...options, changes: { traffic, ...options.changes } });
    await deployment.untilPhase('soaking');
    return deployment;
  }
  const abort = ({ handle }: KubernetesDeployment) => handle.signal(messages.abort, { by: 'ana' });

  async function completes({ handle, untilPhase, weights }: KubernetesDeployment): Promise<void> {
    await untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(await weights()).toEqual([0, 100]);
  }

  async function isBack({ handle, weights, greenReplicas }: KubernetesDeployment): Promise<void> {
    const { report } = await rolledBack(handle);
    expect(report.rollback?.recovered?.requests).toBeGreaterThan(0);
    expect(await weights()).toEqual([100, 0]);
    expect(await greenReplicas()).toBe(0);
  }

  /** Waits until a round of the rollback failed, or reports what it tries again, with these words. */
  const stalledWith = async ({ until }: KubernetesDeployment, words: RegExp): Promise<void> => {
    await until(({ rollback }) => words.test(`${rollback?.problem} ${rollback?.problemBefore}`));
  };

  test('the API server is killed at a shift and at a rollback: both go on when it is back', async () => {
    const [shifting, rolling] = await Promise.all([begin(), soaking()]);
    await shifting.untilPhase('awaiting-approval');
    await own().killApiServer();
    await shifting.handle.signal(messages.approve, { by: 'ana' });
    await abort(rolling);
    await shifting.untilPhase('shifting');
    await rolling.until(({ rollback }) => rollback !== undefined);
    await own().startApiServer();
    expect(await shifting.handle.result()).toMatchObject({ outcome: 'completed' });
    expect(await shifting.weights()).toEqual([0, 100]);
    await isBack(rolling);
  });

  async function deniedRollback(): Promise<void> {
    const deployment = await soaking();
    const { namespace } = deployment.shop;
    const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
    const bindings = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';
    await api().post(policies, {
      metadata: { name: namespace },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['gateway.networking.k8s.io'],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: ['httproutes'],
            },
          ],
        },
        validations: [
          {
            expression: `namespaceObject.metadata.name != '${namespace}' || object.spec.rules[0].backendRefs[1].weight > 0`,
            message: 'routes are frozen until the audit ends',
          },
        ],
      },
    });
    await api().post(bindings, {
      metadata: { name: namespace },
      spec: { policyName: namespace, validationActions: ['Deny'] },
    });
    const zero = [{ op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: 0 }];
    const isDenied = () =>
      api()
        .patch(`${deployment.routePath}?dryRun=All`, zero, 'json')
        .then(
          () => false,
          () => true,
        );
    await eventually(isDenied, 'the policy to be in force');
    await abort(deployment);
    await stalledWith(deployment, /routes are frozen until the audit ends/);
    expect(await deployment.weights()).toEqual([50, 50]);
    await api().delete(`${bindings}/${namespace}`);
    await isBack(deployment);
  }

  async function conflictsOnEveryWrite(): Promise<void> {
    const touching = new AbortController();
    const touch = async (path: string): Promise<void> => {
      for (let count = 0; !touching.signal.aborted; count += 1)
        await api()
          .patch(path, { metadata: { annotations: { touched: String(count) } } })
          .catch(() => undefined);
    };
    const touches: Promise<void>[] = [];
    endings.push(async () => {
      touching.abort();
      await Promise.all(touches);
    });
    const deployment = await begin({
      prepare: ({ shop }) => {
        touches.push(touch(`/apis/gateway.networking.k8s.io/v1/namespaces/${shop.namespace}/httproutes/${shop.route}`));
        for (const slot of shop.slots)
          touches.push(touch(`/apis/apps/v1/namespaces/${shop.namespace}/deployments/${slot}`));
      },
    });
    await completes(deployment);
  }

  /** A service account with these rules in the deployment's namespace, and a kubeconfig that the worker reads. */
  async function accountIn(namespace: string, rules: readonly object[]) {
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await api().post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'bluegreen' } });
    await api().post(`${rbac}/roles`, { metadata: { name: 'bluegreen' }, rules });
    await api().post(`${rbac}/rolebindings`, {
      metadata: { name: 'bluegreen' },
      subjects: [{ kind: 'ServiceAccount', name: 'bluegreen', namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'bluegreen' },
    });
  }
  async function kubeconfigFile(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'bluegreen-kubeconfig-'));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    return join(folder, 'kubeconfig');
  }
  const writeToken = async (file: string, namespace: string, seconds: number): Promise<void> => {
    const token = await tokenOf(own(), api(), { namespace, name: 'bluegreen', seconds });
    await writeFile(file, kubeconfigOf({ ...own().access, token }));
  };

  async function expiredToken(): Promise<void> {
    const kubeconfig = await kubeconfigFile();
    const deployment = await soaking({
      kubeconfig,
      prepare: async ({ shop: { namespace } }) => {
        await accountIn(namespace, [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
        await writeToken(kubeconfig, namespace, 3_600);
      },
    });
    const { namespace } = deployment.shop;
    await writeToken(kubeconfig, namespace, -60);
    await abort(deployment);
    await stalledWith(deployment, /Unauthorized.*credentials/);
    expect(await deployment.weights()).toEqual([50, 50]);
    await writeToken(kubeconfig, namespace, 3_600);
    await isBack(deployment);
  }

  /** The Roles that a check's result says are missing are applied as they stand there. */
  async function fewPermissions(): Promise<void> {
    const kubeconfig = await kubeconfigFile();
    const attested = { id: 'load-test', title: 'Load test', group: 'Testing', kind: 'attestation', statement: 'Done' };
    const ready = { id: 'ready', title: 'Ready', group: 'Platform', critical: true, kind: 'platform-ready' };
    const deployment = await begin({
      kubeconfig,
      changes: { checklist: [attested, ready] },
      prepare: async ({ shop: { namespace } }) => {
        await accountIn(namespace, [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list'] }]);
        await writeToken(kubeconfig, namespace, 3_600);
      },
    });
    const failed = await deployment.until(({ checks }) =>
      checks.some(({ id, outcome }) => id === 'ready' && outcome === 'failed'),
    );
    const roles = failed.checks.find(({ id }) => id === 'ready')?.result?.unblock?.match(ROLE) ?? [];
    expect(roles).not.toEqual([]);
    const input = roles.join('\n---\n');
    await execa('kubectl', ['apply', '-f', '-'], { input, env: { KUBECONFIG: own().kubeconfig } });
    await deployment.handle.signal(messages.recheck, { by: 'ana' });
    await completes(deployment);
  }

  /** Without the right to read, nothing is begun. */
  async function noPermissions(): Promise<void> {
    const kubeconfig = await kubeconfigFile();
    const { handle, weights, greenReplicas, close } = await startKubernetesDeployment({
      client: temporal.client(),
      api: api(),
      kubeconfig,
      prepare: async ({ shop: { namespace } }) => {
        await accountIn(namespace, []);
        await writeToken(kubeconfig, namespace, 3_600);
      },
    });
    endings.push(close);
    const { type, message } = await rolledBack(handle);
    expect(type).toBe('InvalidRequest');
    expect(message).toMatch(/cannot get resource "deployments" in API group "apps" in the namespace/);
    expect(await weights()).toEqual([100, 0]);
    expect(await greenReplicas()).toBe(0);
  }

  async function twoAtOnce(): Promise<void> {
    const [good, bad] = await Promise.all([
      begin(),
      begin({ prepare: ({ production }) => production.fail(GREEN, 0.4) }),
    ]);
    await Promise.all([completes(good), isBack(bad)]);
  }

  async function editedByHand(): Promise<void> {
    const traffic = [
      { percentage: 50, soak: '8s', approval: {} },
      { percentage: 100, soak: '2s' },
    ];
    const deployment = await begin({ changes: { traffic } });
    await deployment.untilPhase('soaking');
    const { spec } = await api().get<Route>(deployment.routePath);
    const edited = spec?.rules?.map((rule) => ({
      ...rule,
      backendRefs: rule.backendRefs?.map((backend, at) => ({ ...backend, weight: at === 0 ? 90 : 10 })),
    }));
    await api().patch(`${deployment.routePath}?fieldManager=kubectl-edit`, { spec: { rules: edited } });
    await eventually(async () => (await deployment.weights())[1] === 50, 'the weights to be set right');
    await completes(deployment);
  }

  const ROWS: readonly [string, () => Promise<void>][] = [
    ['a policy denies the rollback until it is lifted', deniedRollback],
    ['somebody changes the route and both Deployments all the time', conflictsOnEveryWrite],
    ["the worker's token has expired when the rollback begins", expiredToken],
    ['the worker may read only, until the Roles that the checklist prints are applied', fewPermissions],
    ['the worker may do nothing in the namespace', noPermissions],
    ['two services are deployed at once, one of them badly', twoAtOnce],
    ['a person edits the weights in the middle', editedByHand],
  ];
  test.each(sample(ROWS, 2))('%s', (_, story) => story());
});
