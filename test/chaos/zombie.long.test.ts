import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import * as messages from '../../src/workflows/messages.ts';
import { useTemporal } from '../support/temporal.ts';
import type { WorkerProcess } from '../support/worker-process.ts';
import { approve, attest, eventually, GREEN, type Scene, startScene } from './support/scene.ts';
import { everything, sample, seeded } from './support/seed.ts';
import { endingOf } from './support/witness.ts';

/**
 * A worker that is frozen for longer than its heartbeat time-out, and thawed when others have gone on. The server may
 * give it the first retries, since its polls stay open: who takes over is not asserted, how it ends is.
 */

const temporal = useTemporal();
/** What does not come cannot be waited for. */
const LONG_ENOUGH_TO_ACT_MS = 3_000;

const scenes: Scene[] = [];
afterEach(() => Promise.all(scenes.splice(0).map((scene) => scene.close())));

async function begin(changes: Record<string, unknown> = {}): Promise<Scene> {
  const scene = await startScene({ client: temporal.client(), changes });
  scenes.push(scene);
  await attest(scene);
  return scene;
}

/** The highest attempt of what is pending now. */
async function attempt({ handle }: Scene): Promise<number> {
  const { raw } = await handle.describe();
  return Math.max(0, ...(raw.pendingActivities ?? []).map((activity) => activity.attempt ?? 0));
}

/** Freezes the worker and waits until what it had begun was given to somebody again; then another one serves, too. */
async function freeze(scene: Scene): Promise<WorkerProcess> {
  const frozen = scene.worker();
  frozen.freeze();
  await eventually(async () => (await attempt(scene)) > 1, 'a second attempt');
  scene.startWorker();
  return frozen;
}

const distinctEffects = ({ production }: Scene): string[] => [
  ...new Set(production.audit.map(({ command, argument }) => `${command} ${argument}`)),
];

const ZOMBIES: readonly [string, () => Promise<void>][] = [
  [
    'while it watches',
    async () => {
      const scene = await begin({
        traffic: [
          { percentage: 50, soak: '5s', approval: {} },
          { percentage: 100, soak: '2s' },
        ],
        watch: { maxUnwatched: '4m' }, // the frozen one may be given the window for a while
      });
      await scene.untilPhase('soaking');
      const frozen = await freeze(scene);
      await scene.untilPhase('awaiting-approval');
      frozen.thaw();
      await approve(scene);
      const { outcome } = await endingOf(scene.handle);
      expect({ outcome, effects: distinctEffects(scene), share: scene.production.share() }).toEqual({
        outcome: 'completed',
        effects: [`deploy ${GREEN}`, 'shift 50', 'shift 100'],
        share: 1,
      });
    },
  ],
  [
    'while it shifts: its command lands late, and its later attempts come all at once',
    async () => {
      const scene = await begin();
      await scene.untilPhase('awaiting-approval');
      scene.production.misbehave('shift', 'late', 1);
      await approve(scene);
      await eventually(() => distinctEffects(scene).includes('shift 100'), 'the shift to 100 %');
      const frozen = await freeze(scene);
      await scene.until(({ phase, greenPercentage }) => phase === 'soaking' && greenPercentage === 100);
      frozen.thaw();
      scene.production.land();
      const { outcome } = await endingOf(scene.handle);
      expect({ outcome, effects: distinctEffects(scene), share: scene.production.share() }).toEqual({
        outcome: 'completed',
        effects: [`deploy ${GREEN}`, 'shift 50', 'shift 100'],
        share: 1,
      });
    },
  ],
  [
    'while it rolls back: its command lands late',
    async () => {
      const scene = await begin();
      await scene.untilPhase('soaking');
      scene.production.misbehave('rollback', 'late', 1);
      await scene.handle.signal(messages.abort, { by: 'ana' });
      await eventually(() => scene.production.audit.some(({ command }) => command === 'rollback'), 'the rollback');
      const frozen = await freeze(scene);
      await scene.until(({ rollback }) => rollback?.restored !== undefined);
      frozen.thaw();
      scene.production.land();
      expect(await endingOf(scene.handle)).toMatchObject({ outcome: 'DeploymentRolledBack' });
      expect(scene.production.share()).toBe(0);
    },
  ],
  [
    'with an attempt of a shift that it was given while frozen, and thawed when all is rolled back: it shifts nothing',
    async () => {
      const scene = await begin();
      await scene.untilPhase('awaiting-approval');
      scene.production.misbehave('shift', 'hang', 1);
      await approve(scene);
      await eventually(() => distinctEffects(scene).includes('shift 100'), 'the shift to 100 %');
      const frozen = await freeze(scene);
      await scene.handle.signal(messages.abort, { by: 'ana' });
      expect(await endingOf(scene.handle)).toMatchObject({ outcome: 'DeploymentRolledBack' });
      const before = scene.production.audit.length;
      frozen.thaw();
      await eventually(() => frozen.log().includes('not found'), 'its word that nobody waits for it');
      await sleep(LONG_ENOUGH_TO_ACT_MS);
      expect(scene.production.audit.slice(before)).toEqual([]);
      expect(scene.production.share()).toBe(0);
    },
  ],
];

test.each(sample(ZOMBIES, 1))(`frozen %s${everything ? '' : ` (${seeded})`}`, async (_, act) => {
  await act();
});
