import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { errorCode } from '../util/index.ts';
import { firstOf, type Problem } from './problems.ts';

/** A runbook is a page that people read; more than this is a mistake, or an attempt to keep the worker busy. */
const LARGEST_BYTES = 256 * 1024;
const MOST_ALIASES = 50;

/** What is wrong with a runbook: every mistake at once, each on a line of its own with file, place, found and expected. */
export class RunbookError extends Error {
  readonly file: string;
  /** One line each. */
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(firstOf(problems));
    this.name = 'RunbookError';
    this.file = file;
    this.problems = problems;
  }
}

/** What a file says, and where. */
export interface Source {
  readonly data: unknown;
  /** `shop.yaml:12:5` where the value, or what should hold it, stands. */
  readonly placeOf: (keys: readonly PropertyKey[]) => string;
}

/** Every mistake with its place, in the order of the file. */
export function withPlaces(file: string, { placeOf }: Source, problems: readonly Problem[]): RunbookError {
  const placed = problems
    .map(({ keys, path, message }) => ({ place: placeOf(keys), text: path === '' ? message : `${path}: ${message}` }))
    .toSorted((a, b) => BY_NUMBER.compare(a.place, b.place));
  return new RunbookError(
    file,
    placed.map(({ place, text }) => `${place}: ${text}`),
  );
}

const BY_NUMBER = new Intl.Collator('en', { numeric: true });

/** With what tells whether the file has changed since. @throws RunbookError */
export async function readYamlFile(file: string): Promise<Source & { readonly stamp: string }> {
  const { text, stamp } = await readText(file);
  return { ...parseYamlFile(text, file), stamp };
}

/** Another one after each way to edit or replace a file. */
export function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [ino, size, mtimeMs, ctimeMs].join(' ');
}

/** `file` is what messages call it. @throws RunbookError */
export function parseYamlFile(text: string, file: string): Source {
  if (Buffer.byteLength(text) > LARGEST_BYTES) throw tooLarge(file);
  const lines = new LineCounter();
  const document = parseYaml(text, { file, lines });
  const data = toData(document, file);
  // A file that is one text may hold anything, a secret too: nothing of it is shown.
  if (typeof data === 'string') throw new RunbookError(file, [`${file}: found text, expected a map`]);
  return { data, placeOf: (keys) => `${file}${positionOf(keys, document, lines)}` };
}

function parseYaml(text: string, { file, lines }: { file: string; lines: LineCounter }): Document {
  try {
    const document = parseDocument(text, {
      version: '1.2',
      lineCounter: lines,
      prettyErrors: false, // its excerpts of the source could show a command in a history
      uniqueKeys: true,
      stringKeys: true,
    });
    const errors = [...document.errors, ...document.warnings].map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0]);
      return `${file}:${line}:${col}: ${message.replace(/: ".*$/s, '')}`;
    });
    // The parser reports its own overflow once for every level.
    if (document.errors.some(({ message }) => message.includes('call stack'))) throw new RangeError('too deep');
    if (errors.length > 0) throw new RunbookError(file, errors);
    return document;
  } catch (error) {
    throw readable(error, file);
  }
}

function toData(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    throw readable(error, file);
  }
}

/** Parser and merge recurse, and the parser resolves aliases: all end in an error of their own when a text is made to break them. */
export function readable(error: unknown, file: string): RunbookError {
  if (error instanceof RunbookError) return error;
  const what =
    error instanceof RangeError ? 'it is nested too deeply' : String(error instanceof Error ? error.message : error);
  return new RunbookError(file, [`${file}: cannot be read as YAML: ${what}`]);
}

/** `:12:5` */
function positionOf(keys: readonly PropertyKey[], document: Document, lines: LineCounter): string {
  for (let length = keys.length; length > 0; length -= 1) {
    const node = document.getIn(keys.slice(0, length), true);
    if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) continue;
    const { line, col } = lines.linePos(Number(node.range[0]));
    return `:${line}:${col}`;
  }
  return '';
}

async function readText(file: string): Promise<{ readonly text: string; readonly stamp: string }> {
  try {
    // A pipe would keep the worker waiting for ever.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (stats.size > LARGEST_BYTES) throw tooLarge(file);
      if (!stats.isFile() && !stats.isDirectory())
        throw new RunbookError(file, [`${file}: found a pipe or device, expected a file`]);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
      return { text, stamp: stampOf(stats) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof RunbookError) throw error;
    const code = errorCode(error) ?? 'unknown reason';
    throw new RunbookError(file, [`${file}: ${READ_PROBLEMS[code] ?? `cannot be read (${code})`}`]);
  }
}

const READ_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'found a folder, expected a file',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'found bytes that are not UTF-8 text',
};

function tooLarge(file: string): RunbookError {
  return new RunbookError(file, [`${file}: found more than ${LARGEST_BYTES / 1024} KB, expected at most that`]);
}
