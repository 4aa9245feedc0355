import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import type { StateStore } from '../state/index.ts';
import { messageOf } from '../util/index.ts';
import { canonicalJson, DIGEST, digestOf } from './digest.ts';
import type { Runbook } from './schema.ts';

/** Runbooks that deployments have started with, each under its digest. */
export interface Snapshots {
  /** The runbook with this digest, or why there is none. A text that does not hash to its name is not used. */
  read(digest: string): Promise<{ readonly runbook: Runbook } | { readonly problem: string }>;
  /**
   * Keeps a runbook, whole or not at all, also when the machine dies or two activities do it at once.
   * @throws ApplicationFailure `RunbookUnavailable`, retryable: nothing begins that could not be finished by its runbook.
   */
  write(snapshot: { readonly runbook: Runbook; readonly digest: string }): Promise<void>;
}

/** Of a remote store. A snapshot never changes; a rollback must not wait for a store that is away. */
const MOST_REMEMBERED = 200;

export function createSnapshots(state: StateStore): Snapshots {
  const remembered = new Map<string, string>();

  function remember(digest: string, text: string): void {
    if (!state.isRemote) return;
    remembered.set(digest, text);
    const [oldest] = remembered.keys();
    if (remembered.size > MOST_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  }

  async function read(digest: string): ReturnType<Snapshots['read']> {
    // The digest comes from a history and becomes part of a path.
    if (!DIGEST.test(digest)) return { problem: 'its digest is no SHA-256' };
    const name = nameOf(digest);
    try {
      const text = remembered.get(digest) ?? (await state.read(name));
      if (text === undefined) return { problem: `there is no ${state.describe(name)}` };
      const runbook = JSON.parse(text) as Runbook;
      if (digestOf(runbook) !== digest) return { problem: `${state.describe(name)} is damaged` };
      remember(digest, text);
      return { runbook };
    } catch (error) {
      return { problem: error instanceof SyntaxError ? `${state.describe(name)} is damaged` : messageOf(error) };
    }
  }

  return {
    read,
    async write({ runbook, digest }) {
      if ('runbook' in (await read(digest))) return;
      const text = canonicalJson(runbook);
      try {
        await state.write(nameOf(digest), text);
        remember(digest, text);
      } catch (error) {
        throw ApplicationFailure.retryable(
          `the runbook's snapshot cannot be kept: ${messageOf(error)}`,
          FAILURE.RunbookUnavailable,
        );
      }
    },
  };
}

function nameOf(digest: string): string {
  return `runbooks/${digest}.json`;
}
