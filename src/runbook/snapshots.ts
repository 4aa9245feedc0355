import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import { errorCode } from '../util/index.ts';
import { canonicalJson, DIGEST, digestOf } from './digest.ts';
import type { Runbook } from './schema.ts';

/** The runbook with this digest, or why it is not to be had. What does not hash to its name is not believed. */
export async function readSnapshot(
  folder: string,
  digest: string,
): Promise<{ readonly runbook: Runbook } | { readonly problem: string }> {
  // The digest comes from a history and becomes part of a path.
  if (!DIGEST.test(digest)) return { problem: 'its digest is no SHA-256' };
  const file = join(folder, `${digest}.json`);
  try {
    const runbook = JSON.parse(await readFile(file, 'utf8')) as Runbook;
    return digestOf(runbook) === digest ? { runbook } : { problem: `${file} is damaged` };
  } catch (error) {
    if (error instanceof SyntaxError) return { problem: `${file} is damaged` };
    const code = errorCode(error) ?? 'unknown reason';
    return { problem: code === 'ENOENT' ? `there is no ${file}` : `${file} cannot be read (${code})` };
  }
}

/**
 * Keeps a runbook under its digest, whole or not at all, also when the machine dies or two activities do it at once.
 * @throws ApplicationFailure `RunbookUnavailable`, retryable: nothing begins that could not be finished by its runbook.
 */
export async function writeSnapshot(
  folder: string,
  { runbook, digest }: { readonly runbook: Runbook; readonly digest: string },
): Promise<void> {
  if ('runbook' in (await readSnapshot(folder, digest))) return;
  const file = join(folder, `${digest}.json`);
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(canonicalJson(runbook));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw ApplicationFailure.retryable(
      `the runbook's snapshot cannot be kept (${errorCode(error) ?? 'unknown reason'}): make ${folder} writable for the worker, or give it another state directory`,
      FAILURE.RunbookUnavailable,
    );
  }
}
