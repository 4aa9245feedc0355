import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parse, parseAllDocuments } from 'yaml';
import { routerAccessRules } from '../src/routers/index.ts';
import { findKubernetes } from '../src/sandbox/kubernetes/find-kubernetes.ts';
import { accessRules } from '../src/workloads/index.ts';
import { describeOnKubernetes, useKubernetes } from './support/kubernetes.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHART = join(ROOT, 'charts', 'bluegreen');
const CASES = ['minimal', 'full'] as const;

type Manifest = Readonly<Record<string, unknown>> & {
  readonly kind: string;
  readonly metadata: { readonly name: string };
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-chart-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('the permissions are those that preflight asks for', async () => {
  const asRules = (rules: ReturnType<typeof accessRules>) =>
    rules.map(({ apiGroup, resource, verbs }) => ({ apiGroups: [apiGroup], resources: [resource], verbs: [...verbs] }));
  const [deployment, ...workload] = asRules(accessRules({ slots: { blue: {}, green: {} } }));
  const sets = { slots: { blue: { statefulSet: 'blue' }, green: { statefulSet: 'green' } } };
  const [statefulSet, ...same] = asRules(accessRules(sets));
  expect(same).toEqual(workload);
  const routers = ['http-route', 'grpc-route', 'virtual-service', 'service'] as const;
  expect(parse(await readFile(join(CHART, 'files', 'access-rules.yaml'), 'utf8'))).toEqual({
    workload,
    deployment: [deployment],
    'stateful-set': [statefulSet],
    ...Object.fromEntries(routers.map((kind) => [kind, asRules(routerAccessRules(kind))])),
  });
});

test('the alert rules are those of the repository', async () => {
  const ours = await readFile(join(ROOT, 'monitoring', 'alerts.yaml'), 'utf8');
  expect(await readFile(join(CHART, 'files', 'alerts.yaml'), 'utf8')).toBe(ours);
});

test('the version is the one of the package', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8'))).toMatchObject({ version, appVersion: version });
});

describeOnKubernetes('with helm and a real API server', () => {
  const kubernetes = useKubernetes();
  let helmProgram: string;
  beforeAll(async () => {
    helmProgram = join((await findKubernetes(process.env)).folder, 'helm');
  });

  const helm = (...words: string[]) =>
    execa(helmProgram, words, { env: { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder } });
  const valuesOf = (name: string) => ['--values', join(CHART, 'ci', `${name}-values.yaml`)];
  const template = async (...words: string[]): Promise<Manifest[]> => {
    const { stdout } = await helm('template', 'ops', CHART, ...words);
    return parseAllDocuments(stdout)
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null);
  };
  const refused = async (...words: string[]): Promise<string> => {
    const { exitCode, stderr } = await helm('template', 'ops', CHART, ...words).catch(
      (error: unknown) => error as never,
    );
    expect(exitCode).not.toBe(0);
    return stderr;
  };

  test.each(CASES)('the values of %s pass helm lint', async (name) => {
    const { stdout } = await helm('lint', '--strict', CHART, ...valuesOf(name));
    expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
  });

  test.each(CASES)('the API server takes what %s installs', async (name) => {
    const namespace = kubernetes.namespace();
    const manifests = await template('--namespace', namespace, ...valuesOf(name));
    // Without Prometheus' operator there are no such kinds.
    const applied = manifests.filter(({ kind }) => kind !== 'PodMonitor' && kind !== 'PrometheusRule');
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: applied }));
    const words = ['apply', '--server-side', '--dry-run=server', '--filename', file, '--output', 'name'];
    const { stdout } = await execa('kubectl', [...words, '--kubeconfig', kubernetes.kubeconfig()]);
    expect(stdout.split('\n')).toHaveLength(applied.length);
  });

  test('it is installed, turned into builds and removed', async () => {
    const namespace = kubernetes.namespace();
    const where = ['--namespace', namespace, '--kubeconfig', kubernetes.kubeconfig()];
    const values = [...valuesOf('minimal'), '--set', `kubernetes.namespaces={${namespace}}`];
    const installed = await helm('install', 'ops', CHART, ...where, ...values, '--wait', '--timeout', '60s');
    expect(installed.stdout).toContain('-- bluegreen start --service SHOP');
    expect(installed.stdout).toContain('There are no runbooks yet');
    const account = `system:serviceaccount:${namespace}:ops-bluegreen`;
    const may = async (...words: string[]) =>
      (await execa('kubectl', ['auth', 'can-i', ...words, `--as=${account}`, ...where], { reject: false })).stdout;
    expect(await may('patch', 'deployments')).toBe('yes');
    expect(await may('patch', 'httproutes.gateway.networking.k8s.io')).toBe('yes');
    expect(await may('get', 'secrets')).toBe('no');
    expect(await may('delete', 'deployments')).toBe('no');
    const builds = ['--set', 'builds[0].buildId=3f2c1ab'];
    const upgraded = await helm('upgrade', 'ops', CHART, ...where, ...values, ...builds, '--wait', '--timeout', '60s');
    expect(upgraded.stdout).toContain('set-current-version --deployment-name bluegreen --build-id 3f2c1ab');
    const { stdout } = await execa('kubectl', ['get', 'deployments', '--output', 'name', ...where]);
    expect(stdout).toBe('deployment.apps/ops-bluegreen-3f2c1ab');
    await helm('uninstall', 'ops', ...where);
  });

  test('its pods meet the restricted Pod Security Standard', async () => {
    const namespace = kubernetes.namespace();
    const path = `/api/v1/namespaces/${namespace}`;
    await kubernetes
      .api()
      .patch(path, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
    for (const { kind, spec } of await template('--namespace', namespace, ...valuesOf('minimal'))) {
      if (kind !== 'Deployment') continue;
      const { template: pod } = spec as { template: { metadata: object; spec: object } };
      const file = join(folder, 'pod.json');
      const metadata = { ...pod.metadata, name: 'worker', namespace };
      const podSpec = { ...pod.spec, serviceAccountName: 'default' };
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec }));
      const words = ['create', '--dry-run=server', '--filename', file, '--kubeconfig', kubernetes.kubeconfig()];
      expect((await execa('kubectl', words)).stdout).toContain('pod/worker created (server dry run)');
    }
  });

  test('each build has a Deployment and a disruption budget of its own', async () => {
    const manifests = await template(...valuesOf('full'));
    const named = (kind: string) => manifests.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
    expect(named('Deployment')).toEqual(['ops-bluegreen-3f2c1ab', 'ops-bluegreen-9d0e771']);
    expect(named('PodDisruptionBudget')).toEqual(['ops-bluegreen-3f2c1ab', 'ops-bluegreen-9d0e771']);
    const [first, second] = manifests.filter(({ kind }) => kind === 'Deployment').map((one) => JSON.stringify(one));
    expect(first).toContain('"image":"registry.example.com/bluegreen:3f2c1ab"');
    expect(first).toContain('{"name":"BLUEGREEN_BUILD_ID","value":"3f2c1ab"}');
    expect(second).toContain('"image":"registry.example.com/bluegreen:0.1.0-9d0e771"');
    expect(JSON.parse(second ?? '')).toMatchObject({ spec: { replicas: 3 } });
  });

  test('the alerts watch the queue of the release, and keep the labels of their messages', async () => {
    const [rule] = (await template(...valuesOf('full'))).filter(({ kind }) => kind === 'PrometheusRule');
    const text = JSON.stringify(rule);
    expect(text).toContain('temporal_num_pollers{task_queue=\\"deploys\\"');
    expect(text).not.toContain('task_queue=\\"bluegreen\\"');
    expect(text).toContain('{{ $labels.service }}');
  });

  test('what cannot run is refused before it is installed, in words', async () => {
    const address = ['--set', 'temporal.address=temporal:7233'];
    expect(await refused()).toContain('temporal.address is required');
    expect(await refused(...address)).toContain('set exactly one of state.url, state.urlSecret.name');
    expect(await refused(...address, '--set', 'state.ephemeral=true')).toContain('set replicas to 1');
    const state = ['--set', 'state.url=s3://bucket'];
    expect(await refused(...address, ...state, '--set', 'kubernetes.routers={nginx}')).toMatch(/kubernetes.*routers/s);
    expect(await refused(...address, ...state, '--set', 'replica=3')).toMatch(/replica/);
  });

  test('every key of values.yaml is in the schema', async () => {
    const values = parse(await readFile(join(CHART, 'values.yaml'), 'utf8')) as object;
    const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as { properties: object };
    expect(Object.keys(schema.properties).toSorted()).toEqual([...Object.keys(values), 'global'].toSorted());
    expect(await readdir(join(CHART, 'templates'))).toContain('NOTES.txt');
  });
});
