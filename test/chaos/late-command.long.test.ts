import { afterEach, expect, test } from '@jest/globals';
import * as messages from '../../src/workflows/messages.ts';
import { useTemporal } from '../support/temporal.ts';
import { approve, attest, eventually, replaceWorker, type Scene, startScene } from './support/scene.ts';
import { everything, sample, seeded } from './support/seed.ts';
import { endingOf } from './support/witness.ts';

/**
 * A shift that left the machine before the rollback and takes effect after it: set right again and reported, whatever
 * became of the worker that sent it.
 */

const temporal = useTemporal();

const scenes: Scene[] = [];
afterEach(() => Promise.all(scenes.splice(0).map((scene) => scene.close())));

/** What becomes of the worker while its command is under way; answers what is to be done once blue is safe. */
const FATES: readonly [string, (scene: Scene) => Promise<() => void>][] = [
  ['is told to stop the command', async () => () => {}],
  [
    'is killed',
    async (scene) => {
      await replaceWorker(scene);
      return () => {};
    },
  ],
  [
    'is frozen, and thawed after the rollback',
    async (scene) => {
      const frozen = scene.worker();
      frozen.freeze();
      scene.startWorker();
      return () => frozen.thaw();
    },
  ],
];

test.each(sample(FATES, 1))(
  `a shift to 100 %% whose worker %s lands after the rollback: set right again, reported${everything ? '' : ` (${seeded})`}`,
  async (_, meet) => {
    const scene = await startScene({ client: temporal.client(), changes: { recovery: { guard: '15s' } } });
    scenes.push(scene);
    const { production, handle } = scene;
    await attest(scene);
    await scene.untilPhase('awaiting-approval');
    production.misbehave('shift', 'late', 1);
    await approve(scene);
    await eventually(() => production.audit.some(({ argument }) => argument === '100'), 'the shift to 100 %');
    const whenSafe = await meet(scene);
    await handle.signal(messages.abort, { by: 'ana' });
    await scene.until(({ rollback }) => rollback?.recovered !== undefined);
    expect(production.share()).toBe(0);

    whenSafe();
    production.land();
    expect(production.share()).toBe(1);
    const { outcome, report } = await endingOf(handle);
    expect(outcome).toBe('DeploymentRolledBack');
    expect(production.share()).toBe(0);
    expect(report?.rollback).toMatchObject({
      round: 2,
      notices: [expect.stringContaining('The traffic moved after the rollback')],
    });
    expect(scene.worker().log()).toContain('has stalled (round 1): The traffic moved after the rollback');
  },
);
