import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'bluegreen/plugin';

/** The key that all kinds of this plugin have. */
export const folderKey = z.string().min(1).describe('The folder with the files.');

/** A file's JSON, or `otherwise` if there is no such file. */
export async function readJson(folder, name, otherwise) {
  try {
    return JSON.parse(await readFile(join(folder, name), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  }
}

/** Whole or not at all: a reader never sees half of it. */
export async function writeJson(folder, name, value) {
  await mkdir(folder, { recursive: true });
  const draft = join(folder, `${name}.${process.pid}.tmp`);
  await writeFile(draft, JSON.stringify(value));
  await rename(draft, join(folder, name));
}
