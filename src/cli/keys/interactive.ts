import type { Client } from '@temporalio/client';
import type { DeploymentStatus } from '../../domain/index.ts';
import { messageOf } from '../../util/index.ts';
import type { Address } from '../address.ts';
import { answerWords } from '../commands/decide.ts';
import { kindOf } from '../decision-kinds.ts';
import { newDecision, sendDecision } from '../send-decision.ts';
import type { DeploymentHandle } from '../temporal.ts';
import { canMoveTheCursor } from '../view/screen.ts';
import { bindingsIn, type KeyBinding } from './key-bindings.ts';
import { type Choice, dialogueLines, IDLE, type PromptState, reduce } from './prompt-state.ts';
import { listenToKeys } from './terminal.ts';

/** Sends decisions for the keys that a person presses. */
export interface PersonAtKeys {
  /** The lines below the view. */
  readonly lines: () => readonly string[];
  /** Has to be called with every new status. */
  readonly see: (status: DeploymentStatus) => void;
  /** Gives the terminal back. */
  readonly leave: () => void;
}

export interface KeysOptions {
  readonly client: Client;
  readonly handle: DeploymentHandle;
  readonly address: Address;
  /** Whose decisions these are: a claim, as with every decision. */
  readonly by: string;
  /** What leaving does, in a few words. */
  readonly leaving: string;
  readonly onLeave: () => void;
  /** Called when the lines below the view have changed. */
  readonly onChange: () => void;
}

/** Keys need an interactive terminal. */
export function hasKeys(): boolean {
  return process.stdin.isTTY && canMoveTheCursor();
}

const NOTE_KEPT_MS = 20_000;

export function personAtKeys(options: KeysOptions): PersonAtKeys {
  const { by, leaving, onLeave, onChange } = options;
  let dialogue: PromptState = IDLE;
  let saidAt = 0;
  let offers: readonly KeyBinding[] = [];
  const leave = listenToKeys((key) => {
    const said = reduce(dialogue, key, offers);
    dialogue = said.dialogue;
    saidAt = Date.now();
    if (said.act?.kind === 'leave') return onLeave();
    if (said.act?.kind === 'send') void send(said.act.choice);
    onChange();
  });
  return {
    leave,
    see: (status) => {
      offers = bindingsIn(status);
    },
    lines: () => dialogueLines(withoutOldNote(), offers, { by, leaving }),
  };

  /** A note disappears after a while. */
  function withoutOldNote(): PromptState {
    return dialogue.at === 'idle' && Date.now() - saidAt > NOTE_KEPT_MS ? IDLE : dialogue;
  }

  async function send(choice: Choice): Promise<void> {
    const note = await answerTo(options, choice).catch((error: unknown) => `It failed: ${messageOf(error)}`);
    dialogue = { at: 'idle', note };
    saidAt = Date.now();
    onChange();
  }
}

async function answerTo({ client, handle, address, by }: KeysOptions, { action, ...rest }: Choice): Promise<string> {
  const decision = newDecision(action, { ...rest, by });
  const kind = kindOf(action);
  const answer = await sendDecision(client, handle, decision);
  return answer.kind === 'taken'
    ? `Accepted: ${kind.name} by ${by}. ${kind.effect}`
    : answerWords({ kind, decision, address }, answer);
}
