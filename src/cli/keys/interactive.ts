import type { Client } from '@temporalio/client';
import type { DeploymentStatus } from '../../domain/index.ts';
import type { Address } from '../address.ts';
import { answerWords } from '../commands/decide.ts';
import { kindOf } from '../decision-kinds.ts';
import { newDecision, sendDecision } from '../send-decision.ts';
import type { DeploymentHandle } from '../temporal.ts';
import { canMoveTheCursor } from '../view/screen.ts';
import { bindingsIn, type KeyBinding } from './key-bindings.ts';
import { type Choice, dialogueLines, IDLE, type PromptState, reduce } from './prompt-state.ts';
import { listenToKeys } from './terminal.ts';

/** A person at the terminal who may decide by keys. */
export interface PersonAtKeys {
  /** What stands under the view now. */
  readonly lines: () => readonly string[];
  /** To be told of every new status. */
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
  /** Something under the view has changed. */
  readonly onChange: () => void;
}

/** Keys need somebody who types, and a view that answers. */
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

  /** What was answered is read and over after a while: the view goes on. */
  function withoutOldNote(): PromptState {
    return dialogue.at === 'idle' && Date.now() - saidAt > NOTE_KEPT_MS ? IDLE : dialogue;
  }

  async function send(choice: Choice): Promise<void> {
    const note = await answerTo(options, choice).catch(
      (error: unknown) => `It failed: ${error instanceof Error ? error.message : String(error)}`,
    );
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
    ? `Taken: ${kind.name} by ${by}. ${kind.effect}`
    : answerWords({ kind, decision, address }, answer);
}
