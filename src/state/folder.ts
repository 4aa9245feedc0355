import { randomUUID } from 'node:crypto';
import type * as FileSystem from 'node:fs/promises';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, messageOf } from '../util/index.ts';
import { type StateStore, StateUnavailable } from './store.ts';

/** What is done to the disk; another one is given by tests. */
export type Files = Pick<typeof FileSystem, 'appendFile' | 'mkdir' | 'writeFile' | 'rename'>;

/** The state in a folder of this machine, or on a disk that several machines share. */
export function folderState(
  directory: string,
  files: Files = { appendFile, mkdir, writeFile, rename },
): StateStore & { readonly isRemote: false } {
  // A process appends to files of its own: a line that was torn when one died is followed by none.
  const own = `${randomUUID()}.jsonl`;
  const pathOf = (name: string): string => join(directory, name);
  const unreadable = (path: string, error: unknown) =>
    new StateUnavailable(`${path} cannot be read (${reasonOf(error)})`);
  const unwritable = (error: unknown) =>
    new StateUnavailable(
      `the state cannot be written (${reasonOf(error)}): make ${directory} writable for the worker, or give it another state directory`,
    );

  return {
    isRemote: false,
    describe: pathOf,

    async read(name) {
      const path = pathOf(name);
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return undefined;
        throw unreadable(path, error);
      }
    },

    async write(name, text) {
      const path = pathOf(name);
      const draft = `${path}.${randomUUID()}.tmp`;
      try {
        await files.mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await files.writeFile(draft, text, { mode: 0o600, flush: true });
        await files.rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw unwritable(error);
      }
    },

    async append(name, text) {
      const folder = pathOf(name);
      const add = (): Promise<void> => files.appendFile(join(folder, own), text, { mode: 0o600 });
      try {
        await add().catch(async (error: unknown) => {
          if (errorCode(error) !== 'ENOENT') throw error;
          await files.mkdir(folder, { recursive: true, mode: 0o700 }); // by the first poll of a soak
          await add();
        });
      } catch (error) {
        throw unwritable(error);
      }
    },

    async readAppended(name) {
      const folder = pathOf(name);
      try {
        const found = (await readdir(folder)).filter((file) => file.endsWith('.jsonl'));
        return await Promise.all(found.map((file) => readFile(join(folder, file), 'utf8')));
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return [];
        throw unreadable(folder, error);
      }
    },

    close: async () => {},
  };
}

function reasonOf(error: unknown): string {
  return errorCode(error) ?? messageOf(error);
}
