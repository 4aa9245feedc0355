import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Fast shutdown, then immediate, then by force; how long each may take. */
const SIGNALS = [
  ['SIGINT', 5_000],
  ['SIGQUIT', 2_000],
  ['SIGKILL', 2_000],
] as const;

/** Ends the PostgreSQL that runs on this data folder, no matter who started it. Does nothing if there is none. */
export async function stopPostmaster(dataDirectory: string): Promise<void> {
  for (const [signal, patienceMs] of SIGNALS) {
    const pid = runningPostmaster(dataDirectory);
    if (pid === undefined) return;
    process.kill(pid, signal);
    const until = Date.now() + patienceMs;
    while (Date.now() < until && isRunning(pid)) await sleep(20);
  }
  const pid = runningPostmaster(dataDirectory);
  if (pid !== undefined)
    throw new Error(`PostgreSQL (process ${pid}) on ${dataDirectory} cannot be ended; end it by hand`);
}

/** The process id of the PostgreSQL that runs on this data folder, from its `postmaster.pid`. */
export function runningPostmaster(dataDirectory: string): number | undefined {
  const pid = Number(readOrNothing(join(dataDirectory, 'postmaster.pid')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isRunning(pid)) return undefined;
  // After a crash the number may belong to someone else by now: never end a process that is not this PostgreSQL.
  const command = commandOf(pid);
  return command.includes('postgres') && command.includes(realpathSync(dataDirectory)) ? pid : undefined;
}

/** A zombie counts as gone: in a container nobody may ever collect it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  // The state follows the name, which stands in parentheses and may hold anything.
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return stat !== '' && !/\) [ZX] /.test(stat);
}

function commandOf(pid: number): string {
  if (process.platform === 'linux') return readOrNothing(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
