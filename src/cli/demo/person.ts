import type { Client } from '@temporalio/client';
import { currentStep, type DeploymentStatus } from '../../domain/index.ts';
import { messageOf } from '../../util/index.ts';
import type { Choice } from '../keys/prompt-state.ts';
import { newDecision, sendDecision } from '../send-decision.ts';
import type { DeploymentHandle } from '../temporal.ts';
import { openQuestion } from './questions.ts';

/** Decides for the demo: called with every new status, after it was shown. */
export type Hand = (status: DeploymentStatus) => void;

export interface Talk {
  readonly client: Client;
  readonly handle: DeploymentHandle;
  readonly note: (line: string) => void;
}

/** The demo decides by itself, and prints what it decides. */
export function nobody(talk: Talk): Hand {
  const deciding = decider(talk, 'demo');
  return (status) => {
    const question = openQuestion(status);
    if (!question || deciding.isDecided(question.id)) return;
    talk.note(`decided automatically: ${inWords(question.byItself)}`);
    deciding.decide(question.id, question.byItself);
  };
}

/** A slow rollback is only visible if something rolls back: the demo aborts some time after the shift. */
export function abortingAt(percentage: number, afterMs: number, talk: Talk): Hand {
  const deciding = decider(talk, 'demo');
  return (status) => {
    const step = currentStep(status);
    const isDue = step && step.percentage >= percentage && Date.now() - step.shiftedAt >= afterMs;
    if (status.phase !== 'soaking' || !isDue || deciding.isDecided('abort')) return;
    talk.note('the demo aborts now to show a slow rollback');
    deciding.decide('abort', { action: 'abort', reason: 'to show a slow rollback' });
  };
}

/** After this time without a change, a decision is sent again: the first one may have failed. */
const ASK_AGAIN_AFTER_MS = 15_000;

function decider({ client, handle, note }: Talk, by: string) {
  const decided = new Map<string, number>();
  return {
    isDecided: (id: string): boolean => Date.now() - (decided.get(id) ?? 0) < ASK_AGAIN_AFTER_MS,
    decide(id: string, choice: Choice): void {
      decided.set(id, Date.now());
      const { action, ...rest } = choice;
      sendDecision(client, handle, newDecision(action, { ...rest, by })).then(
        (answer) => (answer.kind === 'taken' ? undefined : note(`${inWords(choice)}: ${answer.kind}: ${answer.why}`)),
        (error: unknown) => note(`${inWords(choice)} failed: ${messageOf(error)}`),
      );
    },
  };
}

function inWords({ action, check, gate, remedy, reason }: Choice): string {
  return [action, check, gate, remedy && 'with its remedy', reason === undefined ? undefined : `(${reason})`]
    .filter(Boolean)
    .join(' ');
}
