import {
  ApplicationFailure,
  CancellationScope,
  log,
  setCurrentDetails,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';
import {
  type DecisionAnswer,
  describe,
  parseDecision,
  type TrainStatus,
  trainCancelled,
  trainDecided,
  trainMessageIgnored,
  trainNameIn,
  trainOpened,
  trainRefusal,
} from '../domain/index.ts';
import { withoutStack } from './failures.ts';
import * as messages from './messages.ts';
import { renderTrain } from './train-details.ts';

/** The train under way: its state, and the one way to change it. */
export interface Train {
  readonly status: () => TrainStatus;
  change(transition: (status: TrainStatus, at: number) => TrainStatus): void;
}

/** Sets up the state and every message handler; call it before the first await, so that no message is missed. */
export function openTrain(workflowId: string): Train {
  let state = trainOpened(trainNameIn(workflowId), Date.now());
  let shown = '';

  const change: Train['change'] = (transition) => {
    state = transition(state, Date.now());
    setCurrentDetails(renderTrain(state));
    const { phase, stage = '' } = state;
    if (shown === `${phase} ${stage}`) return;
    shown = `${phase} ${stage}`;
    upsertMemo({ BlueGreenPhase: phase, BlueGreenStage: stage });
  };

  const decide = (action: messages.TrainDecision['action'], payload: unknown): DecisionAnswer => {
    const parsed = parseDecision(action, payload);
    if ('problem' in parsed) {
      change(trainMessageIgnored);
      return { taken: false, why: parsed.problem };
    }
    const { status, answer } = trainDecided(state, parsed, Date.now());
    change(() => status);
    return answer;
  };

  setHandler(messages.trainStatus, () => state, { description: messages.TRAIN_DESCRIPTION.status });
  // It never throws: a failure in a signal handler would close the train and skip its rollback (invariant 10).
  setHandler(messages.abort, (payload: unknown) => void decide('abort', payload), {
    description: messages.TRAIN_DESCRIPTION.abort,
  });
  setHandler(messages.decideTrain, (payload) => decide('abort', withoutAction(payload)), {
    description: messages.TRAIN_DESCRIPTION.decide,
    validator: (payload) => {
      const { action } = (payload ?? {}) as { readonly action?: unknown };
      if (action !== 'abort') throw refuse(`"action" is ${describe(action)}, expected abort: a train takes no other`);
      const parsed = parseDecision('abort', withoutAction(payload));
      const why = 'problem' in parsed ? parsed.problem : trainRefusal(state, parsed);
      if (why !== undefined) throw refuse(why);
    },
  });
  void CancellationScope.current().cancelRequested.catch(() => change(trainCancelled));

  return { status: () => state, change };
}

function withoutAction(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null) return payload;
  return Object.fromEntries(Object.entries(payload).filter(([key]) => key !== 'action'));
}

function refuse(why: string): ApplicationFailure {
  return withoutStack(ApplicationFailure.nonRetryable(why, 'DecisionRefused'));
}

/** The one line in the worker's log that says how it ended. */
export function logTrainEnd({ name, phase, outcome }: TrainStatus): void {
  log[phase === 'completed' ? 'info' : 'warn'](`The train is ${phase}: ${outcome}`, { train: name, phase });
}
