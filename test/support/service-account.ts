import { createSign } from 'node:crypto';
import type { KubernetesApi, KubernetesObject } from '../../src/sandbox/kubernetes/api.ts';
import { ISSUER } from '../../src/sandbox/kubernetes/control-plane.ts';
import type { ClusterAccess } from './kubernetes-cluster.ts';

/**
 * A token of a service account that ends in so many seconds, signed as the API server does; its own are valid for ten minutes at
 * least.
 */
export async function tokenOf(
  { signingKey }: Pick<ClusterAccess, 'signingKey'>,
  api: KubernetesApi,
  account: { readonly namespace: string; readonly name: string; readonly seconds: number },
): Promise<string> {
  const { namespace, name, seconds } = account;
  const { metadata } = await api.get<KubernetesObject>(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}`);
  const issuedAt = Math.floor(Date.now() / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = [
    { alg: 'RS256', typ: 'JWT' },
    {
      iss: ISSUER,
      aud: [ISSUER],
      sub: `system:serviceaccount:${namespace}:${name}`,
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + seconds,
      'kubernetes.io': { namespace, serviceaccount: { name, uid: metadata.uid } },
    },
  ]
    .map(part)
    .join('.');
  return `${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(signingKey, 'base64url')}`;
}
