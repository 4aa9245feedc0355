import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { formatDuration, print } from '../src/cli/index.ts';
import { startLocalServer } from '../src/local-temporal/index.ts';
import { connectClient } from '../src/temporal/index.ts';
import { kept, median, row } from './table.ts';
import { servePages, startDeployment, startWorker } from './workers.ts';

/** What a killed worker costs when another one stands by. */

const RUNS = 10;
/** From SIGKILL at the start of a rollback to its start on the other worker. */
const ROLLBACK_TARGET_MS = 15_000;
const ASK_EVERY_MS = 20;

export async function benchLoss(): Promise<void> {
  print(`SIGKILL of the worker while another stands by, ${RUNS} times each:`);
  const server = await startLocalServer();
  const connection = await connectClient({ connectionOptions: { address: server.address }, namespace: 'default' });
  const client = new Client({ connection });
  const watch: number[] = [];
  const rollback: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const service = `loss-${run}`;
    const pages = await servePages();
    const args = [server.address, service, pages.origin];
    const first = await startWorker(args);
    await startDeployment(client, service, service);
    while (pages.readings(service) < 3) await delay(ASK_EVERY_MS);

    const second = await startWorker(args);
    const killedAt = Date.now();
    await first.stop();
    const seen = pages.readings(service);
    while (pages.readings(service) === seen) await delay(ASK_EVERY_MS);
    watch.push(pages.lastReadAt(service) - killedAt);

    const third = await startWorker(args);
    pages.fail(service);
    const begunAt = await Promise.race([second.restoring(service), third.restoring(service)]);
    const [busy, idle] = second.hasRestored(service) ? [second, third] : [third, second];
    await busy.stop();
    rollback.push((await idle.restoring(service)) - begunAt);
    await idle.stop();
    pages.stop();
  }
  await connection.close();
  await server.stop();

  print(row('from SIGKILL to', 'median', 'at worst', 'target'));
  print(row('watching again', formatDuration(median(watch)), formatDuration(Math.max(...watch))));
  const worst = Math.max(...rollback);
  const target = `${formatDuration(ROLLBACK_TARGET_MS)}: ${kept(worst <= ROLLBACK_TARGET_MS)}`;
  print(row('rolling back again', formatDuration(median(rollback)), formatDuration(worst), target));
}
