import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../../../src/domain/errors.ts';
import { observe, start, type TestDeployment, type TestTemporal, uniqueService } from '../../support/temporal.ts';
import { CHECKS, world } from '../../support/world.ts';
import { GREEN, replaceWorker, startScene } from './scene.ts';

/** What can be wrong with the world around a deployment. */
export const TROUBLES = ['breach', 'deploy fails', 'shift fails', 'rollback fails', 'metrics down'] as const;
export type Trouble = (typeof TROUBLES)[number];

/** A deployment that the model drives: the same messages and troubles, whatever carries them out. */
export interface Subject extends TestDeployment {
  /** `deploy`, `shift 50`, `shift 100`, `rollback`: each once, in the order in which they first came. */
  effects(): string[];
  /** Green's share of the traffic, 0 to 1. */
  share(): number;
  /** From now on. */
  trouble(what: Trouble): void;
  /** No trouble any more. */
  heal(): void;
  /** Somebody else gives green all the traffic, if a rollback is under way and the guard still to come. */
  move(): Promise<void>;
  loseWorker(): Promise<void>;
  close(): Promise<void>;
}

/** Real commands, real metrics, and a worker process that is lost by SIGKILL. */
export async function littleSubject(client: Client): Promise<Subject> {
  const scene = await startScene({
    client,
    changes: {
      traffic: [
        { percentage: 50, soak: '2s', approval: {} },
        { percentage: 100, soak: '2s' },
      ],
      recovery: { pause: '500ms', guard: '3s', round: '20s' },
    },
  });
  const { production } = scene;
  const commands = { 'deploy fails': 'deploy', 'shift fails': 'shift', 'rollback fails': 'rollback' } as const;
  return {
    ...scene,
    effects: () =>
      distinct(production.audit.map(({ command, argument }) => (command === 'shift' ? `shift ${argument}` : command))),
    share: () => production.share(),
    trouble: (what) => {
      if (what === 'breach') production.fail(GREEN, 0.5);
      else if (what === 'metrics down') production.misbehave('metrics', 'fail');
      else production.misbehave(commands[what], 'fail');
    },
    heal: () => {
      production.fail(GREEN, 0);
      for (const name of ['metrics', 'deploy', 'shift', 'rollback']) production.misbehave(name, 'well');
    },
    move: async () => {
      const { rollback } = await scene.until(() => true);
      if (rollback && !rollback.recovered) production.move(100);
    },
    loseWorker: () => replaceWorker(scene),
  };
}

/** Activities that follow a script, in a worker of this process that is stopped and replaced: hundreds of runs a minute. */
export async function scriptedSubject(temporal: TestTemporal): Promise<Subject> {
  const taskQueue = `model-${uniqueService()}`;
  const troubles = new Set<Trouble>();
  let share = 0;
  let guarded = false;
  const { activities, asked } = world({
    checks: [CHECKS.person],
    plan: (plan) => ({
      ...plan,
      rollback: { ...plan.rollback, pauseMs: 200 },
      watch: { ...plan.watch, maxSoakFactor: 5 },
    }),
    watch: () => {
      if (troubles.has('breach')) return { verdict: 'breached', reason: 'too many errors' };
      return troubles.has('metrics down') ? { verdict: 'inconclusive', reason: 'no metrics' } : undefined;
    },
    activities: {
      deployGreen: async () => {
        refuseIn('deploy fails');
        return { evidence: [] };
      },
      shiftTraffic: async ({ percentage }) => {
        refuseIn('shift fails');
        share = percentage / 100;
        return { shiftedAt: Date.now(), evidence: [] };
      },
      restoreTraffic: async () => {
        refuseIn('rollback fails');
        share = 0;
        return { startedAt: Date.now(), restoredAt: Date.now(), evidence: [] };
      },
      guardTraffic: async () => {
        guarded = share === 0;
        return guarded ? {} : { moved: 'The traffic moved after the rollback.' };
      },
    },
  });
  const refuseIn = (what: Trouble): void => {
    if (troubles.has(what)) throw ApplicationFailure.nonRetryable('it failed with exit code 3', FAILURE.CommandFailed);
  };

  /** Answers how to stop it again. */
  const serve = (): (() => Promise<void>) => {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const serving = temporal.serve(activities, () => ended, taskQueue);
    return () => {
      end();
      return serving;
    };
  };
  let stop = serve();
  const handle = await start(temporal.client(), taskQueue, { service: uniqueService(), version: GREEN });
  return {
    ...observe(handle),
    effects: () =>
      distinct(
        asked.flatMap((one) => (/^(deploy|shift)/.test(one) ? [one] : one.startsWith('restore') ? ['rollback'] : [])),
      ),
    share: () => share,
    trouble: (what) => void troubles.add(what),
    heal: () => troubles.clear(),
    move: async () => {
      if (asked.includes('restore 1') && !guarded) share = 1;
    },
    loseWorker: async () => {
      await stop();
      stop = serve();
    },
    close: async () => {
      await handle.terminate('the test is over').catch(() => {});
      await stop();
    },
  };
}

const distinct = (list: readonly string[]): string[] => [...new Set(list)];
