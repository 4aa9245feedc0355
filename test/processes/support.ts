import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunContext } from '../../src/util/run-context.ts';
import { PATIENCE_MS } from '../support/patience.ts';

/** Someone who is there and never asks to stop. */
export function idleRun(): RunContext {
  return { signal: new AbortController().signal, heartbeat() {} };
}

/** What `look` finds, as soon as it finds something; an error counts as nothing found. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await delay(20);
  }
  throw new Error(`not within ${withinMs} ms`, { cause: last });
}

/** A zombie that nobody has collected yet does not run. */
export function isRunning(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return state !== '' && !state.startsWith('Z');
  } catch {
    return false;
  }
}
