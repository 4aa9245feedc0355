import { readFileSync, statSync } from 'node:fs';
import { errorCode } from './error-code.ts';
import { keepSecretValue } from './redact.ts';

/** A file with a secret holds a token, a URL, a key; more is a mistake. */
const LARGEST_BYTES = 64 * 1024;

/**
 * The value of a variable that a runbook names, or undefined where it is not set. If `NAME_FILE` is set instead, it is the
 * content of that file without the line break at its end. Read it each time it is used: a file may be replaced at any time.
 * What comes from a file is never shown.
 * @throws Error that names the variable, when both are set, or the file cannot be read or is empty.
 */
export function readVariable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  const file = env[`${name}_FILE`];
  if (!file) return value;
  if (value) throw new Error(`the variables ${name} and ${name}_FILE are both set; remove one of them`);
  const content = contentOf(file, name);
  keepSecretValue(name, content);
  return content;
}

function contentOf(file: string, name: string): string {
  const problem = (what: string) => new Error(`the file that the variable ${name}_FILE names ${what}`);
  try {
    const stats = statSync(file);
    // To read a pipe or a device may take for ever.
    if (!stats.isFile()) throw problem('is no regular file');
    if (stats.size > LARGEST_BYTES) throw problem(`has more than ${LARGEST_BYTES / 1024} KB`);
    const content = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (content === '') throw problem(`is empty; write the value of ${name} into it`);
    return content;
  } catch (error) {
    const code = errorCode(error);
    throw code === undefined ? error : problem(`cannot be read on this worker (${code})`);
  }
}
