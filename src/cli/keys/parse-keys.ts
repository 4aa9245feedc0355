/** One thing that a person did at the keyboard. */
export type Key =
  | { readonly kind: 'character'; readonly text: string }
  | { readonly kind: 'enter' | 'escape' | 'backspace' | 'clear' | 'interrupt' | 'other' }
  /** Several characters at once: text to be taken as text, never as commands. */
  | { readonly kind: 'paste'; readonly text: string };

/** What of a terminal's input was read, and what may be the beginning of more. */
export interface KeysRead {
  readonly keys: readonly Key[];
  readonly rest: string;
}

const PASTE_BEGINS = '\u001b[200~';
const PASTE_ENDS = '\u001b[201~';
/** In raw mode the terminal makes no signal of it. */
const CTRL_C = '\u0003';
/** Ask the terminal to say where a paste begins and ends, so that one that comes in pieces is known as well. */
export const TELL_PASTES = '\u001b[?2004h';
export const TELL_NO_PASTES = '\u001b[?2004l';

/**
 * Reads what came in one piece, after the `rest` of the piece before. What a person types comes character by character; several
 * characters in one piece are a paste, also where the terminal does not say so. Pure.
 */
export function readKeys(rest: string, piece: string): KeysRead {
  // Leaving is always possible, even in the middle of a paste.
  if (piece === CTRL_C) return { keys: [{ kind: 'interrupt' }], rest: '' };
  const text = rest + piece;
  const begin = text.indexOf(PASTE_BEGINS);
  if (begin === -1) return { keys: text === '' ? [] : [keyOf(text)], rest: '' };
  const before = text.slice(0, begin);
  const end = text.indexOf(PASTE_ENDS, begin);
  const head = before === '' ? [] : [keyOf(before)];
  if (end === -1) return { keys: head, rest: text.slice(begin) };
  const paste: Key = { kind: 'paste', text: oneLine(text.slice(begin + PASTE_BEGINS.length, end)) };
  const after = readKeys('', text.slice(end + PASTE_ENDS.length));
  return { keys: [...head, paste, ...after.keys], rest: after.rest };
}

function keyOf(text: string): Key {
  switch (text) {
    case '\r':
    case '\n':
      return { kind: 'enter' };
    case '\u001b':
      return { kind: 'escape' };
    case '\u007f':
    case '\b':
      return { kind: 'backspace' };
    case '\u0015': // Ctrl-U
      return { kind: 'clear' };
  }
  // An arrow, say: a sequence that only a terminal makes.
  if (text.startsWith('\u001b')) return { kind: 'other' };
  if (text.includes(CTRL_C)) return { kind: 'interrupt' };
  if (Array.from(text).length > 1) return { kind: 'paste', text: oneLine(text) };
  return /\p{Cc}/u.test(text) ? { kind: 'other' } : { kind: 'character', text };
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
