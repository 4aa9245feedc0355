import type { Client } from '@temporalio/client';
import { currentStep, type DeploymentStatus } from '../../src/workflows/status.ts';
import { newDecision, sendDecision } from '../commands/decide.ts';
import { whoRunsThis } from '../commands/options.ts';
import type { DeploymentHandle } from '../commands/temporal.ts';
import { listenToKeys } from './keys.ts';
import { type Choice, openQuestion, type Question } from './questions.ts';

/** Who decides in the demo: whoever sits at the terminal, or the demo by itself. */
export interface Person {
  /** What has to stand under the view: the open question, for a person who is there. */
  readonly asked: (status: DeploymentStatus) => readonly string[];
  /** To be told of every new status, after it was shown. */
  readonly act: (status: DeploymentStatus) => void;
  readonly leave: () => void;
}

export interface Talk {
  readonly client: Client;
  readonly handle: DeploymentHandle;
  readonly note: (line: string) => void;
}

/** A person at the terminal, asked key by key. */
export function personAtTerminal(talk: Talk, onInterrupt: () => void): Person {
  const by = whoRunsThis() ?? 'you';
  const deciding = decider(talk, by);
  let question: Question | undefined;
  const leave = listenToKeys((key) => {
    const answer = question?.answers.find((one) => one.key === key);
    if (question && answer) deciding.decide(question.id, answer.choice);
  }, onInterrupt);
  return {
    leave,
    act() {},
    asked(status) {
      question = openQuestion(status);
      if (!question || deciding.isDecided(question.id)) return [];
      const keys = question.answers.map(({ key, label }) => `${key} = ${label}`).join('   ');
      return ['', `? ${question.text}`, `  press  ${keys}`];
    },
  };
}

/** The demo by itself, saying what it decides. */
export function nobody(talk: Talk): Person {
  const deciding = decider(talk, 'demo');
  return {
    leave() {},
    asked: () => [],
    act(status) {
      const question = openQuestion(status);
      if (question && !deciding.isDecided(question.id)) {
        talk.note(`nobody is asked: ${inWords(question.byItself)}`);
        deciding.decide(question.id, question.byItself);
      }
    },
  };
}

/** The slow rollback shows only when something rolls back: the demo aborts a while after the shift. */
export function abortingAt(percentage: number, afterMs: number, talk: Talk): Person {
  const deciding = decider(talk, 'demo');
  return {
    leave() {},
    asked: () => [],
    act(status) {
      const step = currentStep(status);
      const isDue = step && step.percentage >= percentage && Date.now() - step.shiftedAt >= afterMs;
      if (status.phase === 'soaking' && isDue && !deciding.isDecided('abort')) {
        talk.note('the demo aborts now: the rollback is going to be slow');
        deciding.decide('abort', { action: 'abort', reason: 'to show a slow rollback' });
      }
    },
  };
}

/** After this long without a change an answer that went wrong is asked for again. */
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
        (error: unknown) =>
          note(`${inWords(choice)} failed: ${error instanceof Error ? error.message : String(error)}`),
      );
    },
  };
}

function inWords({ action, check, gate, remedy, reason }: Choice): string {
  return [action, check, gate, remedy && 'with its remedy', reason === undefined ? undefined : `(${reason})`]
    .filter(Boolean)
    .join(' ');
}
