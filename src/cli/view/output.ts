import { Chalk, type ChalkInstance, supportsColor } from 'chalk';
import { EXIT } from '../exit-codes.ts';
import { wrap } from './layout.ts';

/** The one place where scripts write. */

export type Paint = ChalkInstance;

/** Colours where the terminal has them and nobody said NO_COLOR (no-color.org). */
export function paintFor(env: NodeJS.ProcessEnv = process.env): Paint {
  return new Chalk({ level: env['NO_COLOR'] || !supportsColor ? 0 : supportsColor.level });
}

/** Without colours. */
export const PLAIN: Paint = new Chalk({ level: 0 });

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${stripControlCharacters(text)}\n`);
}

/** A terminal that does not know its size says 0; what is no terminal has all the room. */
export function columns(): number {
  return process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
}

/** `... | head` takes its lines and goes: that is no error. A disk that is full is one. */
export function exitOnEpipe(): void {
  process.stdout.on('error', exit);
}

/** For a command that has to end first what it started. */
export function insteadOfExitOnEpipe(act: () => void): void {
  process.stdout.off('error', exit).on('error', act);
}

function exit({ code, message }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') process.exit();
  printError(`The output could not be written: ${message}`);
  process.exit(EXIT.unexpected);
}

/** Lines, broken between words where a terminal would break them anywhere. */
export function printLines(lines: readonly string[]): void {
  for (const line of lines) for (const part of wrap(line, columns())) print(part);
}

/** JSON for programs. */
export function printJson(value: unknown): void {
  print(harmlessJson(JSON.stringify(value, null, 2)));
}

/** The same on one line, one object after the other. */
export function printJsonLine(value: unknown): void {
  print(harmlessJson(JSON.stringify(value)));
}

/** Control characters that JSON leaves as they are, and those that change the direction, could rewrite a terminal. */
function harmlessJson(text: string): string {
  return text.replace(
    /[\u007f-\u009f]|[\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Text of others without control characters and those that change its direction, which could rewrite a terminal; line ends stay. */
export function stripControlCharacters(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\p{Bidi_Control}\u2028\u2029]/gu, ' ');
}

/** What may have lines of its own, such as YAML to paste. */
const WITH_LINES = 'unblock';

/**
 * Every text in it made harmless, on one line each but for `unblock`: what came from a server is cleaned once, where it comes in.
 */
export function sanitize<Value>(value: Value): Value {
  return clean(value) as Value;
}

function clean(value: unknown, key?: string): unknown {
  if (typeof value === 'string') {
    const text = stripControlCharacters(value);
    return key === WITH_LINES ? text : text.replace(/\s*\n\s*/g, ' ');
  }
  if (Array.isArray(value)) return value.map((one) => clean(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, clean(one, name)]));
}
