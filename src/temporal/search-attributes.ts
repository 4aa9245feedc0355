import type { NativeConnection } from '@temporalio/worker';

/** What deployments can be found by in the UI and in `list`; all are keywords. */
export const SEARCH_ATTRIBUTES = [
  'BlueGreenService',
  'BlueGreenEnvironment',
  'BlueGreenVersion',
  'BlueGreenPhase',
] as const;

/** IndexedValueType of the API; the enum itself is in a package that would have to be a dependency for this alone. */
const KEYWORD = 2;
const TYPE_NAMES = ['Unspecified', 'Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'];
const CALL_TIMEOUT_MS = 10_000;
const VISIBLE_WITHIN_MS = 10_000;

/** A worker's or a client's connection. */
type AdminConnection = Pick<NativeConnection, 'operatorService' | 'withDeadline'>;

/**
 * Registers what is missing and verifies names and types: a deployment whose attributes are unknown hangs in its first
 * step, and a wrong type is accepted silently and finds nothing.
 * @throws Error with the exact command for a person to run, when this may not register them or a type is wrong.
 */
export async function ensureSearchAttributes(connection: AdminConnection, namespace: string): Promise<void> {
  const list = async () => {
    const { customAttributes } = await call(connection, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    ).catch(refused('look at', namespace, SEARCH_ATTRIBUTES));
    return customAttributes ?? {};
  };

  let found = await list();
  const missing = SEARCH_ATTRIBUTES.filter((name) => !Object.hasOwn(found, name));
  if (missing.length > 0) {
    const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
    await call(connection, () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes })).catch(
      refused('register', namespace, missing),
    );
    const deadline = Date.now() + VISIBLE_WITHIN_MS;
    do found = await list();
    while (missing.some((name) => !Object.hasOwn(found, name)) && Date.now() < deadline && (await soon()));
  }

  const wrong = SEARCH_ATTRIBUTES.filter((name) => Number(found[name]) !== KEYWORD);
  if (wrong.length === 0) return;
  const types = wrong.map((name) => `${name} has the type ${TYPE_NAMES[found[name] ?? 0] ?? 'Unspecified'}`);
  throw new Error(
    `The search attributes of namespace ${namespace} are not as expected: ${types.join(', ')}; expected Keyword. ` +
      `Remove and register them again:\n  temporal operator search-attribute remove --namespace ${namespace} --yes ` +
      `${wrong.map((name) => `--name ${name}`).join(' ')}\n  ${createCommand(namespace, wrong)}`,
  );
}

function createCommand(namespace: string, names: readonly string[]): string {
  const pairs = names.map((name) => `--name ${name} --type Keyword`).join(' ');
  return `temporal operator search-attribute create --namespace ${namespace} ${pairs}`;
}

function refused(doing: string, namespace: string, names: readonly string[]): (error: unknown) => never {
  return (error) => {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    throw new Error(
      `The server did not let this worker ${doing} the search attributes of namespace ${namespace}: ${why}. ` +
        `Someone who may has to register them:\n  ${createCommand(namespace, names)}`,
      { cause: error },
    );
  };
}

function call<Answer>(connection: AdminConnection, ask: () => Promise<Answer>): Promise<Answer> {
  return connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, ask);
}

async function soon(): Promise<true> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return true;
}
