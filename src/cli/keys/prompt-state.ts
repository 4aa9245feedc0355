import type { Decision } from '../../domain/index.ts';
import { KEYS, type KeyBinding } from './key-bindings.ts';
import type { Key } from './parse-keys.ts';

/** The talk between a person at the keys and the deployment. Pure: `(dialogue, key) -> dialogue and what to do`. */

export type PromptState =
  | { readonly at: 'idle'; readonly note?: string }
  /** Which check is meant, by its number. */
  | { readonly at: 'choosing'; readonly offer: KeyBinding; readonly typed: string; readonly problem?: string }
  /** Nothing is sent without this: a line for the reason, and Enter. */
  | {
      readonly at: 'confirming';
      readonly offer: KeyBinding;
      readonly check?: { readonly id: string; readonly asks: string };
      readonly reason: string;
      readonly problem?: string;
    }
  | { readonly at: 'sending'; readonly words: string };

export const IDLE: PromptState = { at: 'idle' };

export type Choice = Omit<Decision, 'by'>;

export interface Reduced {
  readonly dialogue: PromptState;
  /** What is to be done now. */
  readonly act?: { readonly kind: 'leave' } | { readonly kind: 'send'; readonly choice: Choice };
}

/** As long as the workflow takes it. */
const LONGEST_REASON = 2_000;
const NOTHING_SENT = 'Nothing was sent.';

export function reduce(dialogue: PromptState, key: Key, offers: readonly KeyBinding[]): Reduced {
  if (key.kind === 'interrupt') return { dialogue, act: { kind: 'leave' } };
  switch (dialogue.at) {
    case 'idle':
      return idle(key, offers);
    case 'choosing':
      return { dialogue: key.kind === 'escape' ? { at: 'idle', note: NOTHING_SENT } : choosing(dialogue, key) };
    case 'confirming':
      return key.kind === 'escape'
        ? { dialogue: { at: 'idle', note: NOTHING_SENT } }
        : confirming(dialogue, key, offers);
    case 'sending':
      return { dialogue };
  }
}

function idle(key: Key, offers: readonly KeyBinding[]): Reduced {
  if (key.kind === 'paste')
    return {
      dialogue: { at: 'idle', note: 'That was a paste; press one key at a time. Nothing was sent.' },
    };
  if (key.kind !== 'character') return { dialogue: IDLE };
  if (key.text === 'q') return { dialogue: IDLE, act: { kind: 'leave' } };
  const offer = offers.find((one) => one.key === key.text);
  if (!offer)
    return {
      dialogue: {
        at: 'idle',
        note: `"${key.text}": ${Object.hasOwn(KEYS, key.text) ? KEYS[key.text] : 'no such key'}.`,
      },
    };
  const [check, ...others] = offer.checks ?? [];
  if (others.length > 0) return { dialogue: { at: 'choosing', offer, typed: '' } };
  return { dialogue: { at: 'confirming', offer, reason: '', ...(check ? { check } : {}) } };
}

function choosing(dialogue: PromptState & { at: 'choosing' }, key: Key): PromptState {
  const { offer, typed } = dialogue;
  const checks = offer.checks ?? [];
  const again = (text: string, problem?: string): PromptState => ({
    at: 'choosing',
    offer,
    typed: text,
    ...(problem === undefined ? {} : { problem }),
  });
  switch (key.kind) {
    case 'character':
      return /^\d$/.test(key.text)
        ? again(`${typed}${key.text}`.slice(-3))
        : again(typed, `"${key.text}" is not a number`);
    case 'backspace':
      return again(typed.slice(0, -1));
    case 'clear':
      return again('');
    case 'enter': {
      const check = checks[Number(typed) - 1];
      if (check) return { at: 'confirming', offer, check, reason: '' };
      return again(
        '',
        typed === '' ? 'type the number of a check' : `there is no check ${typed}: expected 1 to ${checks.length}`,
      );
    }
    case 'paste':
      return again(typed, 'a paste is not used as a number');
    case 'escape':
    case 'interrupt':
    case 'other':
      return dialogue;
  }
}

function confirming(dialogue: PromptState & { at: 'confirming' }, key: Key, offers: readonly KeyBinding[]): Reduced {
  const { offer, check, reason } = dialogue;
  const again = (text: string, problem?: string): Reduced => ({
    dialogue: {
      at: 'confirming',
      offer,
      ...(check ? { check } : {}),
      reason: text,
      ...(problem === undefined ? {} : { problem }),
    },
  });
  switch (key.kind) {
    case 'character':
    case 'paste': {
      const longer = `${reason}${key.text}`;
      return longer.length > LONGEST_REASON
        ? again(reason, `a reason has at most ${LONGEST_REASON} characters`)
        : again(longer);
    }
    case 'backspace':
      return again(Array.from(reason).slice(0, -1).join(''));
    case 'clear':
      return again('');
    case 'enter':
      break;
    case 'escape':
    case 'interrupt':
    case 'other':
      return { dialogue };
  }
  if (offer.needsReason && reason.trim() === '') return again('', `${offer.label} needs a reason`);
  if (!isStillOffered(offer, check?.id, offers))
    return {
      dialogue: {
        at: 'idle',
        note: `The deployment has moved on: ${wordsOf(dialogue)} is no longer possible. ${NOTHING_SENT}`,
      },
    };
  const choice: Choice = {
    action: offer.action,
    ...(offer.gate === undefined ? {} : { gate: offer.gate }),
    ...(check ? { check: check.id } : {}),
    ...(offer.remedy ? { remedy: offer.remedy } : {}),
    ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
  };
  return { dialogue: { at: 'sending', words: wordsOf(dialogue) }, act: { kind: 'send', choice } };
}

function isStillOffered(offer: KeyBinding, check: string | undefined, offers: readonly KeyBinding[]): boolean {
  const now = offers.find(({ key }) => key === offer.key);
  return (
    now !== undefined &&
    now.gate === offer.gate &&
    (check === undefined || now.checks?.some(({ id }) => id === check) === true)
  );
}

function wordsOf({ offer, check }: PromptState & { at: 'confirming' }): string {
  return [offer.label, offer.gate ?? check?.id].filter(Boolean).join(' ');
}

/** What stands under the view. `leaving` says what q does. */
export function dialogueLines(
  dialogue: PromptState,
  offers: readonly KeyBinding[],
  { by, leaving }: { readonly by: string; readonly leaving: string },
): string[] {
  switch (dialogue.at) {
    case 'idle': {
      const keys = offers.map(({ key, label }) => `${key} ${label}`).join('   ');
      return [
        ...(dialogue.note === undefined ? [] : [dialogue.note]),
        [keys, `q ${leaving}`].filter(Boolean).join('   '),
      ];
    }
    case 'choosing': {
      const { offer, typed, problem } = dialogue;
      const checks = offer.checks?.map(({ id }, index) => `${index + 1} ${id}`).join('   ') ?? '';
      return [
        ...(problem === undefined ? [] : [`! ${problem}`]),
        `${offer.label} which check?   ${checks}`,
        `its number, then Enter (Esc leaves): ${typed}▏`,
      ];
    }
    case 'confirming': {
      const { offer, check, reason, problem } = dialogue;
      const may = offer.needsReason ? '' : ' (may stay empty)';
      return [
        ...(problem === undefined ? [] : [`! ${problem}`]),
        `> ${wordsOf(dialogue)} as ${by}${check ? `: ${check.asks}` : ''}`,
        `  why${may}: ${reason}▏`,
        '  Enter sends it, Esc does not',
      ];
    }
    case 'sending':
      return [`> ${dialogue.words} as ${by}: sent, waiting for the answer ...`];
  }
}
