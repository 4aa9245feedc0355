import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import * as messages from '../../src/workflows/messages.ts';
import { type OwnServer, startOwnServer } from './support/own-server.ts';
import { approve, attest, eventually, GREEN, type Scene, startScene } from './support/scene.ts';
import { everything, sample, seeded } from './support/seed.ts';
import { accountOf } from './support/witness.ts';

/** The Temporal server, with its data in a file, is killed and comes back. */

let server: OwnServer;
let connection: Connection;
const scenes: Scene[] = [];
beforeAll(async () => {
  server = await startOwnServer();
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await Promise.all(scenes.map((scene) => scene.close()));
  await connection.close();
  await server.stop();
});

async function begin(): Promise<Scene> {
  const scene = await startScene({
    client: new Client({ connection }),
    env: { TEMPORAL_ADDRESS: server.address },
    changes: {
      traffic: [
        { percentage: 50, soak: '8s', approval: {} },
        { percentage: 100, soak: '2s' },
      ],
      router: { timeout: '20s' },
    },
  });
  scenes.push(scene);
  await attest(scene);
  return scene;
}

/** Where a deployment stands when the server goes; answers how it goes on, and what has to come of it. */
const soaking = async (scene: Scene) => {
  await scene.untilPhase('soaking');
  return async () => {
    await approve(scene);
    expect(await accountOf(scene)).toEqual(COMPLETED);
  };
};
const atTheGate = async (scene: Scene) => {
  await scene.untilPhase('awaiting-approval');
  return async () => {
    await approve(scene);
    expect(await accountOf(scene)).toEqual(COMPLETED);
  };
};
const rollingBack = async (scene: Scene) => {
  const { production, handle } = scene;
  await scene.untilPhase('soaking');
  production.misbehave('rollback', 'hang');
  await handle.signal(messages.abort, { by: 'ana' });
  await eventually(() => production.audit.some(({ command }) => command === 'rollback'), 'the rollback command');
  production.misbehave('rollback', 'well');
  return async () => {
    // The command that hangs outlives the server, and a second round may be needed.
    const { effects, ...account } = await accountOf(scene);
    expect({ ...account, effects: [...new Set(effects)] }).toEqual(ROLLED_BACK);
  };
};

const COMPLETED = { outcome: 'completed', effects: [`deploy ${GREEN}`, 'shift 50', 'shift 100'], greenShare: 1 };
const ROLLED_BACK = {
  outcome: 'DeploymentRolledBack',
  cause: 'aborted',
  effects: [`deploy ${GREEN}`, 'shift 50', 'rollback blue'],
  greenShare: 0,
};

/** Shorter and longer than the heartbeat time-out of ten seconds. */
const OUTAGES: readonly [string, number][] = [
  ['at once', 0],
  ['after fifteen seconds', 15_000],
];

test.each(sample(OUTAGES, 1))(
  `killed in a rollback, at a gate and in a soak, and back %s: every deployment goes on where it was${everything ? '' : ` (${seeded})`}`,
  async (_, outageMs) => {
    const [rolling, gated] = await Promise.all([begin().then(rollingBack), begin().then(atTheGate)]);
    const late = await begin().then(soaking); // last, since its soak goes on
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, outageMs));
    await server.start();
    await Promise.all([rolling(), gated(), late()]);
  },
);
