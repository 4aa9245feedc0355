import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { testAddress, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { findRouter } from './support/router-scene.ts';

/** The script that docs/routers.md asks people to try first, on this machine. */

useTemporal();
const SCRIPT = 'examples/try/router.sh';
const PORTS = [8080, 8405, 8406, 3903, 9001, 9002];

/** What to add to each port of the examples: below the ports that the system gives to the other tests, and free. */
async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = randomInt(1_000, 22_000);
    const free = await Promise.all(PORTS.map((port) => isFree(port + offset)));
    if (free.every(Boolean)) return offset;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

const haproxy = await findRouter('haproxy', 'socat', 'curl');
const nginx = await findRouter('nginx', 'mtail', 'curl');
const CASES = [
  ['haproxy-servers', 'fails', haproxy, 'ROLLED BACK', 'shop-a weight 1,shop-b weight 0'],
  ['nginx', 'slow', nginx, 'ROLLED BACK', '"traffic": {"2.4.0": 100, "2.5.0-slow": 0}'],
] as const;

for (const [router, release, { describeWithRouter }, outcome, traffic] of CASES)
  describeWithRouter(`examples/${router}`, () => {
    test(`the script ends as expected with a release that is ${release}`, async () => {
      const { exitCode, all } = await execa('bash', [SCRIPT, router, release], {
        env: {
          TEMPORAL_ADDRESS: testAddress(),
          BLUEGREEN_TASK_QUEUE: uniqueQueue(),
          TRY_OFFSET: String(await freeOffset()),
          TRY_SERVICE: uniqueService(),
        },
        reject: false,
        all: true,
        stdin: 'ignore',
      });
      expect({ exitCode, all }).toMatchObject({ exitCode: 0, all: expect.stringContaining(outcome) });
      expect(all).toContain(traffic);
    });
  });
