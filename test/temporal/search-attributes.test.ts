import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { ensureSearchAttributes, SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.ts';
import { eventually } from '../processes/support.ts';

let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: process.env['TEST_TEMPORAL_ADDRESS'] ?? '' });
});
afterAll(() => connection.close());

/** A namespace of its own, without any of our attributes. */
async function newNamespace(): Promise<string> {
  const namespace = `ns-${randomUUID()}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await eventually(() => connection.operatorService.listSearchAttributes({ namespace }));
  return namespace;
}
async function typesIn(namespace: string) {
  return (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes ?? {};
}

test('what is missing is registered, and doing it again changes nothing', async () => {
  const namespace = await newNamespace();
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries([['BlueGreenPhase', 2]]),
  });
  await eventually(async () => ('BlueGreenPhase' in (await typesIn(namespace)) ? true : undefined));
  await ensureSearchAttributes(connection, namespace);
  const registered = await typesIn(namespace);
  for (const name of SEARCH_ATTRIBUTES) expect(registered).toHaveProperty(name, 2);
  await ensureSearchAttributes(connection, namespace);
  expect(await typesIn(namespace)).toEqual(registered);
});

test('a wrong type is an error with the commands that set it right', async () => {
  const namespace = await newNamespace();
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries([['BlueGreenPhase', 3]]),
  });
  await eventually(async () => ('BlueGreenPhase' in (await typesIn(namespace)) ? true : undefined));
  await expect(ensureSearchAttributes(connection, namespace)).rejects.toThrow(
    `The search attributes of namespace ${namespace} are not as expected: BlueGreenPhase has the type Int; expected Keyword. ` +
      `Remove and register them again:\n  temporal operator search-attribute remove --namespace ${namespace} --yes --name BlueGreenPhase\n` +
      `  temporal operator search-attribute create --namespace ${namespace} --name BlueGreenPhase --type Keyword`,
  );
});

test('a server that does not let us is an error with the command for someone who may', async () => {
  const denied = () => Promise.reject(new Error('7 PERMISSION_DENIED: Request unauthorized.'));
  const locked = {
    operatorService: Object.assign(Object.create(connection.operatorService), { addSearchAttributes: denied }),
    withDeadline: connection.withDeadline.bind(connection),
  };
  const namespace = await newNamespace();
  await expect(ensureSearchAttributes(locked, namespace)).rejects.toThrow(
    `The server did not let this worker register the search attributes of namespace ${namespace}: 7 PERMISSION_DENIED: Request unauthorized.. ` +
      `Someone who may has to register them:\n  temporal operator search-attribute create --namespace ${namespace} ` +
      SEARCH_ATTRIBUTES.map((name) => `--name ${name} --type Keyword`).join(' '),
  );
});
