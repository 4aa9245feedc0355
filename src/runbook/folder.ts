import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import { errorCode } from '../util/index.ts';
import { readRunbookOrBase } from './load.ts';
import type { Runbook, RunbookFormat } from './schema.ts';
import { RunbookError, stampOf } from './yaml-file.ts';

/** A runbook, and the file that it stands in. */
interface RunbookFile {
  readonly file: string;
  readonly runbook: Runbook;
}

export interface Scan {
  readonly runbooks: readonly RunbookFile[];
  /** Files that others extend. */
  readonly bases: readonly string[];
  readonly broken: readonly RunbookError[];
}

/**
 * Reads every runbook in the folder. Nothing of a request ever becomes part of a path. A file is read again only if it, or what
 * it extends, has changed: a folder may hold a thousand runbooks, and each deployment looks for its own.
 * @throws ApplicationFailure `RunbookUnavailable`, retryable, if the folder cannot be read.
 */
export function openRunbookFolder(directory: string, format: RunbookFormat): () => Promise<Scan> {
  type Loaded = ReturnType<typeof readRunbookOrBase>;
  /** By file. Scans at the same time share one reading. */
  const known = new Map<string, Loaded>();

  async function load(file: string, look: Look): Loaded {
    const loading = known.get(file);
    if (loading !== undefined) {
      const loaded = await loading.catch(() => undefined);
      if (loaded && (await isCurrent(loaded, look))) return loaded;
      if (known.get(file) !== loading) return load(file, look); // somebody else reads it again
    }
    const fresh = readRunbookOrBase(file, format);
    known.set(file, fresh);
    return fresh;
  }

  return async () => {
    const look = lookOnce();
    const files = await runbookFiles(directory, look);
    const there = new Set(files);
    for (const file of known.keys()) if (!there.has(file)) known.delete(file);
    const runbooks: RunbookFile[] = [];
    const bases: string[] = [];
    const broken: RunbookError[] = [];
    for (const file of files) {
      try {
        const { runbook } = await load(file, look);
        if (runbook === undefined) bases.push(file);
        else runbooks.push({ file, runbook });
      } catch (error) {
        if (!(error instanceof RunbookError)) throw error;
        broken.push(error);
      }
    }
    return { runbooks, bases, broken };
  };
}

async function isCurrent(loaded: Awaited<ReturnType<typeof readRunbookOrBase>>, look: Look): Promise<boolean> {
  const now = await Promise.all(loaded.files.map(look));
  return now.every((stats, index) => stats !== undefined && stampOf(stats) === loaded.stamps[index]);
}

type Look = (file: string) => Promise<Stats | undefined>;

/** What a file is now, or undefined if it cannot be seen. Many runbooks may extend the same file. */
function lookOnce(): Look {
  const seen = new Map<string, ReturnType<Look>>();
  return (file) => {
    const stats = seen.get(file) ?? stat(file).catch(() => undefined);
    seen.set(file, stats);
    return stats;
  };
}

async function runbookFiles(directory: string, look: Look): Promise<string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
    const files = names.map((name) => join(directory, name));
    // A pipe with such a name would keep the worker waiting for ever.
    const regular = await Promise.all(files.map(async (file) => (await look(file))?.isFile() ?? true));
    return files.filter((_file, index) => regular[index]);
  } catch (error) {
    throw unavailable(`the folder of runbooks ${directory} cannot be read (${errorCode(error) ?? 'unknown reason'})`);
  }
}

/** It is tried again. */
export function unavailable(message: string): ApplicationFailure {
  return ApplicationFailure.retryable(message, FAILURE.RunbookUnavailable);
}
