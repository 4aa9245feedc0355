import type { Observation } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Cluster } from './cluster.ts';
import { RESOURCES } from './resources.ts';

/** A rule of a Role: what the worker has to be allowed to do in a namespace. */
export interface AccessRule {
  /** Empty for the core group. */
  readonly apiGroup: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

export interface AccessNeeds {
  readonly namespace: string;
  readonly rules: readonly AccessRule[];
  /** The name of the Role to apply, if some of it is missing. */
  readonly role: string;
}

interface Review {
  readonly status?: { readonly allowed?: boolean };
}

/** Whether the worker may do all of it in the namespace, and the Role to apply if not. */
export async function observeAccess(
  cluster: Cluster,
  { namespace, rules, role }: AccessNeeds,
  run: RunContext,
): Promise<Observation> {
  const missing = await missingRules(cluster, namespace, rules, run);
  const evidence = {
    what: `permissions in the namespace ${namespace}`,
    measured: missing.length === 0 ? 'all there' : `missing: ${missing.map(ruleWords).join('; ')}`,
    required: rules.map(ruleWords).join('; '),
    source: 'SelfSubjectAccessReview',
  };
  if (missing.length === 0) return { evidence: [evidence], problems: [] };
  const user = await userName(cluster, run);
  return {
    evidence: [evidence],
    problems: [
      {
        found: `the worker (${user ?? 'unknown user'}) may not ${missing.map(ruleWords).join('; ')} in the namespace ${namespace}`,
        unblock: `apply this with kubectl apply -f -:\n${roleYaml({ namespace, rules, role }, user)}`,
      },
    ],
  };
}

async function missingRules(
  cluster: Cluster,
  namespace: string,
  rules: readonly AccessRule[],
  run: RunContext,
): Promise<AccessRule[]> {
  const asked = await Promise.all(
    rules.map(async ({ apiGroup, resource, verbs }) => {
      const allowed = await Promise.all(
        verbs.map(async (verb) => {
          const resourceAttributes = { namespace, group: apiGroup, resource, verb };
          const review = await cluster.review<Review>(RESOURCES.accessReview, { spec: { resourceAttributes } }, run);
          return review.status?.allowed === true;
        }),
      );
      return { apiGroup, resource, verbs: verbs.filter((_, index) => !allowed[index]) };
    }),
  );
  return asked.filter(({ verbs }) => verbs.length > 0);
}

/** As whom the API server knows the worker; undefined where it does not say. */
async function userName(cluster: Cluster, run: RunContext): Promise<string | undefined> {
  const resource = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', plural: 'selfsubjectreviews' };
  try {
    const review = await cluster.review<{ status?: { userInfo?: { username?: string } } }>(resource, {}, run);
    return review.status?.userInfo?.username;
  } catch {
    run.signal.throwIfAborted();
    return undefined;
  }
}

/** `patch deployments.apps` */
function ruleWords({ apiGroup, resource, verbs }: AccessRule): string {
  return `${verbs.join(', ')} ${resource}${apiGroup === '' ? '' : `.${apiGroup}`}`;
}

/** A Role with these rules and its RoleBinding, as YAML. */
function roleYaml({ namespace, rules, role }: AccessNeeds, user: string | undefined): string {
  const [, account] = /^system:serviceaccount:(.+)$/.exec(user ?? '') ?? [];
  const [accountNamespace, accountName] = account?.split(':') ?? [];
  const subject = account
    ? `{kind: ServiceAccount, name: ${accountName}, namespace: ${accountNamespace}}`
    : `{kind: User, apiGroup: rbac.authorization.k8s.io, name: ${JSON.stringify(user ?? 'NAME OF THE USER')}}`;
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    `metadata: {name: ${role}, namespace: ${namespace}}`,
    'rules:',
    ...rules.map(
      ({ apiGroup, resource, verbs }) =>
        `- {apiGroups: ["${apiGroup}"], resources: [${resource}], verbs: [${verbs.join(', ')}]}`,
    ),
    '---',
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: RoleBinding',
    `metadata: {name: ${role}, namespace: ${namespace}}`,
    `roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${role}}`,
    `subjects: [${subject}]`,
  ].join('\n');
}
