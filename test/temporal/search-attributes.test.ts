import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../src/domain/search-attributes.ts';
import { ensureSearchAttributes, registeredSearchAttributes } from '../../src/temporal/search-attributes.ts';
import { eventually } from '../processes/support.ts';
import { testAddress } from '../support/temporal.ts';
import { follow, newNamespace, typesIn } from './support.ts';

let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: testAddress() });
});
afterAll(() => connection.close());

const registered = (namespace: string) => registeredSearchAttributes(connection, namespace);

test('what is missing is registered, and doing it again changes nothing', async () => {
  const namespace = await newNamespace(connection, { BlueGreenPhase: 2 });
  expect(await registered(namespace)).toEqual(['BlueGreenPhase']);
  expect(await ensureSearchAttributes(connection, namespace)).toBeUndefined();
  const types = await typesIn(connection, namespace);
  for (const name of SEARCH_ATTRIBUTES) expect(types).toHaveProperty(name, 2);
  expect(await ensureSearchAttributes(connection, namespace)).toBeUndefined();
  expect(await typesIn(connection, namespace)).toEqual(types);
  expect(await registered(namespace)).toEqual(SEARCH_ATTRIBUTES);
});

test.each([
  [7, 3],
  [9, 1],
  [10, 0],
])(
  'a namespace with %i Keywords of its own gets the first %i of ours, and the notice says what to do',
  async (own, fit) => {
    const namespace = await newNamespace(connection, own);
    const notice = await ensureSearchAttributes(connection, namespace);
    const missing = SEARCH_ATTRIBUTES.slice(fit);
    expect(await registered(namespace)).toEqual(SEARCH_ATTRIBUTES.slice(0, fit));
    expect(notice).toContain(
      `Namespace ${namespace} has 10 Keyword attributes, ${fit} of them bluegreen's; none is free for the`,
    );
    expect(notice).toContain(`only Temporal's UI and its CLI cannot search by ${missing.join(', ')}.`);
    expect(notice).toContain(
      `  temporal operator search-attribute create --namespace ${namespace} ${missing.map((name) => `--name ${name} --type Keyword`).join(' ')}`,
    );
    expect(await ensureSearchAttributes(connection, namespace)).toBe(notice);
  },
);

test('the advice to a full namespace works', async () => {
  const namespace = await newNamespace(connection, 7);
  await follow((await ensureSearchAttributes(connection, namespace)) ?? '');
  await eventually(async () => ((await registered(namespace)).length === SEARCH_ATTRIBUTES.length ? true : undefined));
  expect(await ensureSearchAttributes(connection, namespace)).toBeUndefined();
});

test('one of a wrong type is not used, and the commands of the notice set it right', async () => {
  const namespace = await newNamespace(connection, { BlueGreenPhase: 3 });
  const notice = (await ensureSearchAttributes(connection, namespace)) ?? '';
  expect(notice).toContain('BlueGreenPhase has the type Int, expected Keyword.');
  expect(await registered(namespace)).toEqual(SEARCH_ATTRIBUTES.slice(1));
  await follow(notice);
  await eventually(async () => ((await registered(namespace)).length === SEARCH_ATTRIBUTES.length ? true : undefined));
});

/** The server, with an account that may not make these calls. */
function without(...calls: ('addSearchAttributes' | 'listSearchAttributes')[]) {
  const denied = () =>
    Promise.reject(Object.assign(new Error('7 PERMISSION_DENIED: Request unauthorized.'), { code: 7 }));
  return {
    operatorService: Object.assign(
      Object.create(connection.operatorService),
      Object.fromEntries(calls.map((call) => [call, denied])),
    ),
    withDeadline: connection.withDeadline.bind(connection),
  };
}

test('a server that does not let us register gives the command for somebody who may', async () => {
  const namespace = await newNamespace(connection);
  const notice = (await ensureSearchAttributes(without('addSearchAttributes'), namespace)) ?? '';
  expect(notice).toContain(
    `the server did not let this worker register ${SEARCH_ATTRIBUTES.join(', ')} (7 PERMISSION_DENIED: Request unauthorized).`,
  );
  expect(notice).not.toContain('remove');
  await follow(notice);
  await eventually(async () => ((await registered(namespace)).length === SEARCH_ATTRIBUTES.length ? true : undefined));
});

test('where the server does not say what is registered, none is used', async () => {
  const namespace = await newNamespace(connection);
  const locked = without('addSearchAttributes', 'listSearchAttributes');
  expect(await registeredSearchAttributes(locked, namespace)).toEqual([]);
  expect(await ensureSearchAttributes(locked, namespace)).toContain('allow this worker to list search attributes');
});
