import { expect, test } from '@jest/globals';
import { NativeConnection } from '@temporalio/worker';
import { endRun } from '../../src/temporal/end-run.ts';
import { testAddress, uniqueQueue, useTemporal } from '../support/temporal.ts';

const temporal = useTemporal();

test('a run that no worker lets end is terminated: nobody waits for it; one that does not exist is no obstacle', async () => {
  const connection = await NativeConnection.connect({ address: testAddress() });
  try {
    const at = { connection, namespace: 'default' };
    const workflowId = `blue-green-keep-blue/production/${uniqueQueue()}`;
    const options = { workflowId, reason: 'a rollback begins', signal: new AbortController().signal, patienceMs: 500 };
    expect(await endRun(at, options)).toBeUndefined();
    const handle = await temporal.client().workflow.start('blueGreenKeepBlue', {
      workflowId,
      taskQueue: uniqueQueue(),
      args: [],
    });
    expect(await endRun(at, options)).toBeUndefined();
    expect((await handle.describe()).status.name).toBe('TERMINATED');
    expect(await endRun(at, options)).toBeUndefined();
  } finally {
    await connection.close();
  }
});
