import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { useCommandLine } from '../cli/command-line.ts';
import { eventually } from '../processes/support.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, start, testAddress, uniqueQueue, uniqueService } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { follow, newNamespace } from './support.ts';

/** Deployments in a namespace that others have filled with search attributes of their own (field case 22). */

let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: testAddress() });
});
afterAll(() => connection.close());
const bluegreen = useCommandLine();

test.each([
  [7, ['BlueGreenPhase', 'BlueGreenService', 'BlueGreenVersion']],
  [10, []],
])('with %i Keywords of its own, a deployment runs, and list and status show it', async (own, searchable) => {
  const namespace = await newNamespace(connection, own);
  const service = uniqueService();
  const taskQueue = uniqueQueue();
  const production = await startLittleProduction(service);
  const worker = startWorkerProcess(taskQueue, { ...production.env, TEMPORAL_NAMESPACE: namespace });
  const client = new Client({ connection, namespace });
  const said = async (...words: string[]) => (await bluegreen(words, { TEMPORAL_NAMESPACE: namespace }).ended).out;
  try {
    const handle = await start(client, taskQueue, { service, version: '2.5.0' });
    await observe(handle).untilPhase('checking');
    expect(worker.log()).toContain(`Namespace ${namespace} has 10 Keyword attributes`);

    const { typedSearchAttributes, memo } = await handle.describe();
    const set = typedSearchAttributes.getAll().map(({ key }) => key.name);
    expect(set.filter((name) => name.startsWith('BlueGreen')).sort()).toEqual(searchable);
    expect([...set.filter((name) => name.startsWith('BlueGreen')), ...Object.keys(memo ?? {})].sort()).toEqual([
      'BlueGreenEnvironment',
      'BlueGreenPhase',
      'BlueGreenService',
      'BlueGreenVersion',
    ]);
    const listed = ['list', '--phase', 'checking', '--environment', 'production', '--service', service, '--json'];
    await eventually(async () => ((await said(...listed)).length > 3 ? true : undefined));
    expect(JSON.parse(await said(...listed))).toMatchObject([{ service, version: '2.5.0', phase: 'checking' }]);
    expect(JSON.parse(await said('list', '--phase', 'soaking', '--json'))).toEqual([]);

    await said('abort', '--service', service, '--by', 'ana', '--reason', 'the test');
    await handle.result().catch(() => {});
    const { events } = await handle.fetchHistory();
    expect(events?.filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes)).toEqual([]);
    await eventually(async () => ((await said('list', '--phase', 'refused')).includes(service) ? true : undefined));

    // What is registered while the worker runs is set by the next deployment.
    if (own === 10) return;
    await follow(worker.log());
    const next = await start(client, taskQueue, { service, version: '2.5.0' });
    await observe(next).untilPhase('checking');
    expect((await next.describe()).memo).toEqual({});
  } finally {
    await worker.kill('SIGKILL');
    await production.stop();
  }
});
