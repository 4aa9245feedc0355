import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';

/**
 * The absolute path of a program as the operating system would find it on `path`, or undefined. Searched here and not
 * by the supervising shell, which would take a built-in of the same name and could not say "not found" unmistakably.
 */
export async function findProgram(program: string, path = ''): Promise<string | undefined> {
  const candidates = program.includes('/')
    ? [resolve(program)]
    : path.split(delimiter).map((folder) => join(resolve(folder), program));
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
