import { createHash, randomUUID } from 'node:crypto';
import type * as FileSystem from 'node:fs/promises';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../util/index.ts';
import type { Poll } from './series.ts';

/** Where a worker keeps what a report needs, and the reports: a folder for each deployment. */
export interface ReportStore {
  /**
   * Keeps what a poll of this deployment brought. Neither waits nor throws, whatever the disk does: the watch goes on.
   * `complain` is called once for each deployment, with the reason why its series has a gap.
   */
  note(deployment: string, poll: Poll, complain: (problem: string) => void): void;
  /** Everything that was noted of this deployment on this machine, in no order. Lines that are no polls are left out. */
  polls(deployment: string): Promise<Poll[]>;
  /**
   * Writes these files, each whole or not at all. May be called twice.
   * @returns the folder, below the state directory. @throws what the file system says.
   */
  keep(deployment: string, files: Readonly<Record<string, string>>): Promise<string>;
}

/** A disk that hangs may have so many polls waiting for it; more are dropped. */
const MOST_WAITING = 100;
/** A file of one worker about one deployment: some 30,000 polls. */
const LARGEST_BYTES = 8_000_000;

/** What the store does to the disk; another one is given by tests. */
export type Files = Pick<typeof FileSystem, 'appendFile' | 'mkdir' | 'writeFile' | 'rename'>;

/** `stateDirectory`: where the worker keeps what has to outlive it; reports go to `reports/` in there. */
export function createReportStore(
  stateDirectory: string,
  files: Files = { appendFile, mkdir, writeFile, rename },
): ReportStore {
  // A worker appends to files of its own: a line that was torn when one died is followed by none.
  const own = `${randomUUID()}.jsonl`;
  const queues = new Map<string, { waiting: number; last: Promise<void>; complained: boolean }>();

  async function append(deployment: string, poll: Poll): Promise<void> {
    const folder = join(stateDirectory, folderOf(deployment), SERIES);
    const file = join(folder, own);
    await files.mkdir(folder, { recursive: true, mode: 0o700 });
    if ((await sizeOf(file)) > LARGEST_BYTES) throw new Error(`${file} is full (${LARGEST_BYTES / 1e6} MB)`);
    // The line end comes first, so that half a line of a full disk does not spoil the next one.
    await files.appendFile(file, `\n${JSON.stringify(poll)}`, { mode: 0o600 });
  }

  return {
    note(deployment, poll, complain) {
      const queue = queues.get(deployment) ?? { waiting: 0, last: Promise.resolve(), complained: false };
      queues.set(deployment, queue);
      const said = (problem: string): void => {
        if (!queue.complained) complain(problem);
        queue.complained = true;
      };
      if (queue.waiting >= MOST_WAITING) return said('the disk does not answer');
      queue.waiting += 1;
      queue.last = queue.last
        .then(() => append(deployment, poll))
        .catch((error: unknown) => said(error instanceof Error ? error.message : String(error)))
        .finally(() => {
          queue.waiting -= 1;
          if (queue.waiting === 0 && !queue.complained) queues.delete(deployment);
        });
    },

    async polls(deployment) {
      const folder = join(stateDirectory, folderOf(deployment), SERIES);
      const names = await readdir(folder).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return [];
        throw error;
      });
      const texts = await Promise.all(
        names.filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(folder, name), 'utf8')),
      );
      return texts.flatMap((text) => text.split('\n').flatMap((line) => pollIn(line) ?? []));
    },

    async keep(deployment, texts) {
      const where = folderOf(deployment);
      const folder = join(stateDirectory, where);
      await files.mkdir(folder, { recursive: true, mode: 0o700 });
      for (const [name, text] of Object.entries(texts)) {
        const draft = join(folder, `${name}.${randomUUID()}.tmp`);
        try {
          await files.writeFile(draft, text, { mode: 0o600 });
          await files.rename(draft, join(folder, name));
        } catch (error) {
          await rm(draft, { force: true }).catch(() => undefined);
          throw error;
        }
      }
      return where;
    },
  };
}

const SERIES = 'series';

/**
 * `reports/<environment>/<service>/<run>` of `<workflowId>/<run>`, below the state directory. The starter of a
 * workflow chooses its id: anything but a plain name becomes a hash, and no id leads out of the folder or into another.
 */
export function folderOf(deployment: string): string {
  const [, environment, service, run] = /^blue-green\/([^/]*)\/([^/]*)\/([^/]*)$/.exec(deployment) ?? [];
  const parts = environment === undefined ? ['other', deployment] : [environment, service ?? '', run ?? ''];
  return join('reports', ...parts.map(safe));
}

function safe(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/.test(name)) return name;
  return `_${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}

/** The poll in a line; nothing where it is torn, or not one of ours. */
function pollIn(line: string): Poll | undefined {
  try {
    const value = JSON.parse(line) as Partial<Poll> | null;
    if (typeof value?.soakStartedAt !== 'number' || typeof value.at !== 'number') return undefined;
    const { counted } = value;
    const isWhole =
      !counted || [counted.from, counted.to, counted.green?.requests, counted.blue?.requests].every(Number.isFinite);
    return isWhole ? (value as Poll) : undefined;
  } catch {
    return undefined;
  }
}
