import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** A process that a benchmark starts, and what it uses. */
export interface Process {
  readonly pid: number;
  /** Ends it and waits for that. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Runs a script of this folder that builds programs where they are missing. @returns the folder that holds them. */
export async function buildPrograms(script: string): Promise<string> {
  const { stdout } = await execa('bash', [fileURLToPath(new URL(script, import.meta.url))], { stderr: 'inherit' });
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** Starts it. What it says is shown, unless the options say otherwise. */
export async function startProcess(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Process & { readonly child: ChildProcess }> {
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  await once(child, 'spawn');
  const killWithUs = (): unknown => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  return {
    child,
    pid: child.pid ?? 0,
    async end(signal = 'SIGKILL') {
      process.off('exit', killWithUs);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'exit');
    },
  };
}

/** The process that was started with these words, one after the other; how a server's own process is found behind its supervisor. */
export async function processWith(...words: readonly string[]): Promise<number> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const id of ids) {
    const line = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (!line.startsWith('/bin/sh') && line.includes(`${words.join('\0')}\0`)) return id;
  }
  throw new Error(`no process was started with ${words.join(' ')}`);
}

/** What the process has used so far; Linux counts it in hundredths of a second. */
export async function cpuMs(pid: number): Promise<number> {
  const [, rest = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const fields = rest.split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

export async function residentMegabytes(pid: number): Promise<number> {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}

/** What processes used over a time. */
export interface Usage {
  /** Of one core. */
  readonly cpuShare: number;
  /** Resident, the mean and the most. */
  readonly megabytes: number;
  readonly mostMegabytes: number;
}

const LOOK_MS = 1_000;

/** Watches these processes for so long. */
export async function usageOf(pids: readonly number[], forMs: number): Promise<Usage[]> {
  const before = await Promise.all(pids.map(cpuMs));
  const startedAt = performance.now();
  const sizes = pids.map((): number[] => []);
  while (performance.now() - startedAt < forMs) {
    await delay(LOOK_MS);
    for (const [index, pid] of pids.entries()) sizes[index]?.push(await residentMegabytes(pid));
  }
  const tookMs = performance.now() - startedAt;
  const after = await Promise.all(pids.map(cpuMs));
  return pids.map((_, index) => {
    const own = sizes[index] ?? [];
    return {
      cpuShare: ((after[index] ?? 0) - (before[index] ?? 0)) / tookMs,
      megabytes: own.reduce((sum, one) => sum + one, 0) / own.length,
      mostMegabytes: Math.max(...own),
    };
  });
}
