import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type Program, startProgram } from '../program.ts';
import { type ApiAccess, connect, type KubernetesApi, type KubernetesObject } from './api.ts';
import type { KubernetesPrograms } from './find-kubernetes.ts';

/** A real Kubernetes without nodes: etcd, kube-apiserver and kube-controller-manager, with the CRDs of Gateway API and Istio. */
export interface ControlPlane {
  /** Of the administrator. */
  readonly kubeconfig: string;
  readonly access: ApiAccess;
  readonly api: KubernetesApi;
  /** In PEM: what the API server's tokens of service accounts are signed with. */
  readonly signingKey: string;
  /** Kills it at once; etcd keeps what was written. */
  killApiServer(): Promise<void>;
  /** At the same address, with what it had. */
  startApiServer(): Promise<void>;
  /** May be called twice. */
  stop(): Promise<void>;
}

export const ISSUER = 'https://kubernetes.default.svc';
/** Those that Deployments, StatefulSets, Services and their namespaces need: none of nodes, volumes and certificates. */
const CONTROLLERS = [
  'clusterrole-aggregation-controller',
  'deployment-controller',
  'disruption-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'replicaset-controller',
  'resourcequota-controller',
  'serviceaccount-controller',
  'statefulset-controller',
];

/** Starts all in `directory`, on free ports. @throws with the program's own words when one does not start; nothing is left running. */
export async function startControlPlane(programs: KubernetesPrograms, directory: string): Promise<ControlPlane> {
  await mkdir(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  const { privateKey: signingKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const token = 'sandbox-administrator';
  await writeFile(file('service-accounts.key'), signingKey, { mode: 0o600 });
  await writeFile(file('tokens.csv'), `${token},administrator,administrator,system:masters\n`, { mode: 0o600 });

  const running: Program[] = [];
  const stop = async (): Promise<void> => {
    for (let program = running.pop(); program; program = running.pop()) await program.stop();
  };
  const authority = (): Promise<string> => readFile(file('certificates/apiserver.crt'), 'utf8');
  const isReady = async (address: string): Promise<boolean> => {
    const asking = connect({ server: `https://${address}`, authority: await authority(), token });
    const ready = await asking.isReady();
    await asking.close();
    return ready;
  };
  const startApiServer = (port: number): Promise<Program> =>
    startProgram({
      program: join(programs.folder, 'kube-apiserver'),
      directory,
      port,
      readyPath: isReady,
      args: (address) => [
        `--etcd-servers=${etcd.url}`,
        `--cert-dir=${file('certificates')}`,
        '--bind-address=127.0.0.1',
        `--secure-port=${address.split(':')[1]}`,
        `--service-account-issuer=${ISSUER}`,
        `--service-account-key-file=${file('service-accounts.key')}`,
        `--service-account-signing-key-file=${file('service-accounts.key')}`,
        `--token-auth-file=${file('tokens.csv')}`,
        '--authorization-mode=RBAC',
        '--service-cluster-ip-range=10.0.0.0/24',
        '--v=0',
      ],
    });

  const etcd = await startProgram({
    program: programs.etcd,
    directory,
    port: 0,
    readyPath: '/health',
    args: (address) => [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=http://${address}`,
      `--advertise-client-urls=http://${address}`,
      '--listen-peer-urls=http://127.0.0.1:0',
      '--unsafe-no-fsync',
      '--log-level=error',
    ],
  });
  running.push(etcd);
  try {
    let apiServer = await startApiServer(0);
    running.push(apiServer);
    const access: ApiAccess = { server: `https://${apiServer.address}`, authority: await authority(), token };
    const kubeconfig = file('kubeconfig.json');
    await writeFile(kubeconfig, kubeconfigOf(access), { mode: 0o600 });
    const api = connect(access);
    await installDefinitions(api, join(programs.folder, 'crds'), WANTED);
    running.push(
      await startProgram({
        program: join(programs.folder, 'kube-controller-manager'),
        directory,
        port: 0,
        readyPath: async () => (await api.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined,
        args: () => [
          `--kubeconfig=${kubeconfig}`,
          `--controllers=${CONTROLLERS.join(',')}`,
          '--leader-elect=false',
          '--secure-port=0',
          '--kube-api-qps=200',
          '--kube-api-burst=400',
        ],
      }),
    );
    return {
      kubeconfig,
      access,
      api,
      signingKey,
      killApiServer: () => apiServer.kill(),
      async startApiServer() {
        const again = await startApiServer(Number(new URL(access.server).port));
        running.splice(running.indexOf(apiServer), 1, again);
        apiServer = again;
      },
      async stop() {
        await api.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** JSON is YAML. */
export function kubeconfigOf({ server, authority, token }: ApiAccess, namespace = 'default'): string {
  const name = 'sandbox';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': Buffer.from(authority).toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  });
}

/** Installs the custom resource definitions of the folder's files whose name is wanted, and waits until each is served. */
export async function installDefinitions(api: KubernetesApi, folder: string, wanted = /./): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const names: string[] = [];
  for (const name of await readdir(folder)) {
    for (const document of parseAllDocuments(await readFile(join(folder, name), 'utf8'))) {
      const definition = document.toJS() as KubernetesObject | null;
      if (definition?.kind !== 'CustomResourceDefinition' || !wanted.test(definition.metadata.name)) continue;
      names.push(definition.metadata.name);
      await api.post(path, definition);
    }
  }
  type Definition = KubernetesObject<unknown, { conditions?: { type: string; status: string }[] }>;
  const isServed = ({ status }: Definition): boolean =>
    status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') ?? false;
  const following = new AbortController();
  await new Promise<void>((resolve) => {
    api.follow<Definition>({
      path,
      signal: following.signal,
      onChange(all) {
        if (names.every((name) => all.some((one) => one.metadata.name === name && isServed(one)))) resolve();
      },
    });
  });
  following.abort();
}

/** Of Istio's file only the VirtualService: each definition costs the API server time and memory. */
const WANTED = /\.gateway\.networking\.k8s\.io$|^virtualservices\./;
