import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Parameters } from './parameters.ts';
import { SettingError } from './setting-error.ts';
import { DEFAULT_SOCKET_FOLDERS, isSocket, type Target } from './targets.ts';

export interface Login {
  readonly user: string;
  readonly database: string;
}

export function homeOf(env: NodeJS.ProcessEnv): string {
  return env['HOME'] || homedir();
}

/**
 * The password for a server: the given one, or the first line of the password file that fits. Called when the server asks.
 * @throws SettingError if there is none.
 */
export async function passwordFor(
  target: Target,
  login: Login,
  { parameters, env }: { readonly parameters: Parameters; readonly env: NodeJS.ProcessEnv },
): Promise<string> {
  if (parameters.password) return parameters.password;
  const file = parameters.passfile ?? join(homeOf(env), '.pgpass');
  const mode = await stat(file).then(
    (found) => found.mode,
    () => undefined,
  );
  if (mode === undefined)
    throw new SettingError(`the server asks for a password: put one into the URL, PGPASSWORD or the file ${file}`);
  if (mode & 0o077)
    throw new SettingError(
      `the server asks for a password, and ${file} is ignored since others may read it: run chmod 0600 on it`,
    );
  const found = fromFile(await readFile(file, 'utf8'), target, login);
  if (found === undefined)
    throw new SettingError(
      `the server asks for a password, and no line of ${file} fits its host, port, database and user: add one, or put the password into the URL`,
    );
  return found;
}

/** `host:port:database:user:password`; `*` for any, and `\` before a `:` or `\` that belongs to the text. */
const LINE = new RegExp(`^${String.raw`((?:[^:\\]|\\.)*):`.repeat(4)}(.+)$`);

function fromFile(text: string, target: Target, { user, database }: Login): string | undefined {
  const local = isSocket(target) && DEFAULT_SOCKET_FOLDERS.includes(target.host);
  const asked = [local ? 'localhost' : target.host, String(target.port), database, user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = LINE.exec(line)
      ?.slice(1)
      .map((field) => field.replace(/\\(.)/g, '$1'));
    const fits = fields && asked.every((value, index) => fields[index] === '*' || fields[index] === value);
    if (fits) return fields[asked.length];
  }
  return undefined;
}
