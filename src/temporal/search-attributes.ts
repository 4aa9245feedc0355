import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES, type SearchAttribute } from '../domain/index.ts';
import { messageOf } from '../util/index.ts';

/** IndexedValueType of the API; the enum itself is in a package that would have to be a dependency for this alone. */
const KEYWORD = 2;
const TYPE_NAMES = ['Unspecified', 'Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'];
/** gRPC's codes of a server that does not allow it: denied, unimplemented, unauthenticated. */
const NOT_ALLOWED = new Set([7, 12, 16]);
const CALL_TIMEOUT_MS = 10_000;
const VISIBLE_WITHIN_MS = 10_000;

/** A worker's or a client's connection. */
type AdminConnection = Pick<NativeConnection, 'operatorService' | 'withDeadline'>;

/**
 * Those that a deployment may set now. An unregistered one would fail the deployment's workflow task again and again, and
 * one of another type finds nothing; so where the server does not say what is registered, there are none.
 */
export async function registeredSearchAttributes(
  connection: AdminConnection,
  namespace: string,
): Promise<readonly SearchAttribute[]> {
  return usable(await customAttributes(connection, namespace).catch(() => ({})));
}

/**
 * Registers those that are missing, as far as the server lets it. Deployments work without any of them.
 * @returns what cannot be searched for in this namespace, why, and the commands that change it; nothing if all is well.
 */
export async function ensureSearchAttributes(
  connection: AdminConnection,
  namespace: string,
): Promise<string | undefined> {
  const list = () => customAttributes(connection, namespace);
  try {
    const before = await list();
    const failures: unknown[] = [];
    const asked: SearchAttribute[] = [];
    // One by one: together, none is registered where there is room for some.
    for (const name of SEARCH_ATTRIBUTES.filter((one) => !Object.hasOwn(before, one)))
      await call(connection, () =>
        connection.operatorService.addSearchAttributes({
          namespace,
          searchAttributes: Object.fromEntries([[name, KEYWORD]]),
        }),
      ).then(
        () => asked.push(name),
        (error: unknown) => failures.push(error),
      );
    const deadline = Date.now() + VISIBLE_WITHIN_MS;
    let found = await list();
    while (asked.some((name) => !Object.hasOwn(found, name)) && Date.now() < deadline && (await soon()))
      found = await list();
    return notice(namespace, found, failures[0]);
  } catch (error) {
    return (
      `The server did not say which search attributes namespace ${namespace} has: ${reasonOf(error)}. ` +
      `${lost(SEARCH_ATTRIBUTES)} To have them, allow this worker to list search attributes; the next deployment sets those ` +
      'that are registered.'
    );
  }
}

type Found = Readonly<Record<string, number>>;

function usable(found: Found): SearchAttribute[] {
  return SEARCH_ATTRIBUTES.filter((name) => found[name] === KEYWORD);
}

function notice(namespace: string, found: Found, failure: unknown): string | undefined {
  const missing = SEARCH_ATTRIBUTES.filter((name) => !Object.hasOwn(found, name));
  const wrong = SEARCH_ATTRIBUTES.filter((name) => Object.hasOwn(found, name) && found[name] !== KEYWORD);
  if (missing.length + wrong.length === 0) return undefined;
  const why = [
    ...(missing.length === 0 ? [] : [whyMissing(namespace, found, { missing, failure })]),
    ...wrong.map((name) => `${name} has the type ${TYPE_NAMES[found[name] ?? 0] ?? 'Unspecified'}, expected Keyword.`),
  ];
  const full = missing.length > 0 && !NOT_ALLOWED.has(codeOf(failure) ?? -1);
  return [
    `Search attributes of namespace ${namespace}: ${why.join(' ')} ${lost([...missing, ...wrong])}`,
    `To have ${missing.length + wrong.length === 1 ? 'it' : 'them'}, somebody who may runs this; the next deployment sets what is registered then, and no worker has to be restarted:`,
    ...(full
      ? [
          `  temporal operator search-attribute list --namespace ${namespace}`,
          `  temporal operator search-attribute remove --namespace ${namespace} --yes --name NAME   # one that nobody uses, for each that is missing`,
        ]
      : []),
    ...(wrong.length === 0
      ? []
      : [
          `  temporal operator search-attribute remove --namespace ${namespace} --yes ${wrong.map((name) => `--name ${name}`).join(' ')}`,
        ]),
    `  temporal operator search-attribute create --namespace ${namespace} ${[...missing, ...wrong].map((name) => `--name ${name} --type Keyword`).join(' ')}`,
    ...(full ? ['Or use a namespace with free Keyword attributes: TEMPORAL_NAMESPACE.'] : []),
  ].join('\n');
}

function whyMissing(
  namespace: string,
  found: Found,
  { missing, failure }: { readonly missing: readonly SearchAttribute[]; readonly failure: unknown },
): string {
  const names = missing.join(', ');
  if (failure === undefined)
    return `the server accepted ${names}, but does not list ${missing.length === 1 ? 'it' : 'them'} yet.`;
  if (NOT_ALLOWED.has(codeOf(failure) ?? -1))
    return `the server did not let this worker register ${names} (${reasonOf(failure)}).`;
  const keywords = Object.keys(found).filter((name) => found[name] === KEYWORD);
  const own = usable(found).length;
  return (
    `${names} could not be registered (${reasonOf(failure)}). Namespace ${namespace} has ${keywords.length} Keyword ` +
    `attributes, ${own} of them bluegreen's; none is free for the ${missing.length === 1 ? 'one' : missing.length} that ` +
    `${missing.length === 1 ? 'is' : 'are'} missing.`
  );
}

function lost(names: readonly SearchAttribute[]): string {
  return `Deployments work, and "bluegreen list" shows and filters them as always; only Temporal's UI and its CLI cannot search by ${names.join(', ')}.`;
}

async function customAttributes(connection: AdminConnection, namespace: string): Promise<Found> {
  const { customAttributes: found } = await call(connection, () =>
    connection.operatorService.listSearchAttributes({ namespace }),
  );
  return found ?? {};
}

function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return (message.split('\n', 1)[0] ?? '').replace(/\.+$/, '');
}

function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return typeof code === 'number' ? code : codeOf(cause);
}

function call<Answer>(connection: AdminConnection, ask: () => Promise<Answer>): Promise<Answer> {
  return connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, ask);
}

async function soon(): Promise<true> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return true;
}
