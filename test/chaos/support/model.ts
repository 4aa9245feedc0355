import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { WorkflowNotFoundError } from '@temporalio/client';
import fc from 'fast-check';
import * as messages from '../../../src/workflows/messages.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { type Subject, TROUBLES, type Trouble } from './subject.ts';
import { type Ending, endingOf, failedTasksOf } from './witness.ts';

/** What was done to the deployment; what has to be true of it follows from that alone. */
export interface Model {
  /** Somebody confirmed or waived the one check. */
  confirmed: boolean;
  approved: boolean;
  cancelled: boolean;
  /** Somebody said or something gave a reason to go back. */
  spoilt: boolean;
}

export const untouched = (): Model => ({ confirmed: false, approved: false, cancelled: false, spoilt: false });

type Act = (subject: Subject, model: Model) => Promise<unknown>;

const confirm: Act = ({ handle }, model) => {
  model.confirmed = true;
  return handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
};
const approve: Act = ({ handle }, model) => {
  model.approved = true;
  return handle.signal(messages.approve, { by: 'ana', decisionId: 'the-one' });
};

/** What a person does who wants it to go on. */
const onward: Act = async (subject, model) => {
  const { phase } = await subject.until(() => true);
  if (phase === 'checking') await confirm(subject, model);
  else if (phase === 'awaiting-approval') await approve(subject, model);
  else await sleep(300);
};

const ACTS = {
  onward,
  wait: () => sleep(200),
  confirm,
  waive: ({ handle }, model) => {
    model.confirmed = true;
    return handle.signal(messages.waive, { check: 'load-test', by: 'ben', reason: 'it was done by hand' });
  },
  recheck: ({ handle }) => handle.signal(messages.recheck, {}),
  approve,
  'approve another gate': ({ handle }) => handle.signal(messages.approve, { by: 'eve', gate: 'shift-to-75' }),
  'say nonsense': async ({ handle }) => {
    await handle.signal('approve', 'yes');
    await handle.signal('abort', { reason: 'who am I?' });
    await handle.signal('never-heard-of', 1);
  },
  reject: ({ handle }, model) => {
    model.spoilt = true;
    return handle.signal(messages.reject, { by: 'eve' });
  },
  abort: ({ handle }, model) => {
    model.spoilt = true;
    return handle.signal(messages.abort, { by: 'eve' });
  },
  cancel: ({ handle }, model) => {
    model.spoilt = true;
    model.cancelled = true;
    return handle.cancel();
  },
  'retry the rollback': ({ handle }) => handle.signal(messages.retryRollback, { by: 'ana' }),
  'lose the worker': (subject) => subject.loseWorker(),
  heal: async (subject) => subject.heal(),
  'move the traffic in a rollback': (subject) => subject.move(),
  ...(Object.fromEntries(
    TROUBLES.map((what) => [
      what,
      async (subject: Subject, model: Model) => {
        model.spoilt ||= what !== 'rollback fails';
        subject.trouble(what);
      },
    ]),
  ) as Record<Trouble, Act>),
} satisfies Record<string, Act>;

export type ActName = keyof typeof ACTS;

/** As fast-check drives it: every act is possible at any time, and afterwards the invariants hold. */
function commandOf(name: ActName): fc.AsyncCommand<Model, Subject> {
  return {
    check: () => true,
    run: async (model, subject) => {
      await ACTS[name](subject, model).catch(unlessClosed);
      expectInvariants(model, subject);
    },
    toString: () => name,
  };
}

const others = (Object.keys(ACTS) as ActName[]).filter((name) => name !== 'onward');

/** Half of what happens leads on, so that every phase is reached. */
export const acts = fc.commands([fc.oneof(fc.constant<ActName>('onward'), fc.constantFrom(...others)).map(commandOf)], {
  maxCommands: 16,
});

export const actsOf = (names: readonly ActName[]) => names.map(commandOf);

/** Invariants 3 and 6, as far as they can be seen while it goes on. */
function expectInvariants(model: Model, subject: Subject): void {
  const effects = subject.effects();
  if (effects.length > 0) expect(model.confirmed).toBe(true);
  if (effects.includes('shift 100')) expect(model.approved).toBe(true);
  const possible = ['deploy', 'shift 50', 'shift 100'];
  const forwards = effects.filter((effect) => effect !== 'rollback');
  expect(forwards).toEqual(possible.slice(0, forwards.length));
  if (effects.includes('rollback')) expect(effects.at(-1)).toBe('rollback');
}

/** All troubles end and people help; then it has to close, and as it has to. */
export async function expectRightEnd(model: Model, subject: Subject): Promise<void> {
  subject.heal();
  const { outcome, report } = await helpToTheEnd(model, subject);
  const effects = subject.effects();
  expectInvariants(model, subject);
  expect(await failedTasksOf(subject.handle)).toEqual([]);
  if (!model.spoilt) expect(outcome).toBe('completed');
  if (outcome === 'cancelled') expect(model.cancelled).toBe(true);
  if (outcome === 'completed') {
    expect(effects).toEqual(['deploy', 'shift 50', 'shift 100']);
  } else {
    const changed = effects.length > 0;
    expect(['cancelled', changed ? 'DeploymentRolledBack' : 'ChecklistFailed']).toContain(outcome);
    expect(effects.includes('rollback')).toBe(changed);
    expect(subject.share()).toBe(0);
  }
  const counted = (report?.decisions ?? []).filter(({ taken, decisionId }) => taken && decisionId === 'the-one');
  expect(counted.length).toBeLessThanOrEqual(1);
}

async function helpToTheEnd(model: Model, subject: Subject): Promise<Ending> {
  const closed = endingOf(subject.handle);
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    const helped = onward(subject, model).then(() => undefined, unlessClosed);
    const ending = await Promise.race([closed, helped]);
    if (ending) return ending;
  }
  throw new Error(`it does not close: ${JSON.stringify(await subject.status(), null, 1)}`);
}

/** It may close at any moment; then nobody hears what is said to it. */
function unlessClosed(error: unknown): undefined {
  if (error instanceof WorkflowNotFoundError || String(error).includes('closed before it was reached'))
    return undefined;
  throw error;
}
