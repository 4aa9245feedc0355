import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '../../src/sandbox/index.ts';
import { PATIENCE_MS } from '../support/patience.ts';

/** What a version did between two readings of the metrics. */
export interface Seen {
  readonly requests: number;
  /** Share of answers with a code from 500 on. */
  readonly failing: number;
  /** Share of answers that took over 500 ms. */
  readonly slow: number;
}

interface Counts {
  readonly requests: number;
  readonly failed: number;
  readonly quick: number;
}

export async function counts({ metricsUrl }: Pick<Sandbox, 'metricsUrl'>, version: string): Promise<Counts> {
  const page = await (await fetch(metricsUrl)).text();
  const found = { requests: 0, failed: 0, quick: 0 };
  for (const line of page.split('\n')) {
    if (!line.includes(`version="${version}"`)) continue;
    const value = Number(line.slice(line.lastIndexOf(' ')));
    if (line.startsWith('http_requests_total')) found.requests += value;
    if (line.startsWith('http_requests_total') && line.includes('code="5')) found.failed += value;
    if (line.startsWith('http_request_duration_seconds_bucket') && line.includes('le="0.5"')) found.quick += value;
  }
  return found;
}

/** Waits for so many fresh requests to a version, and says how they went. */
export async function observe(sandbox: Sandbox, version: string, requests: number): Promise<Seen> {
  const before = await counts(sandbox, version);
  const after = await eventually(async () => {
    const now = await counts(sandbox, version);
    return now.requests - before.requests >= requests ? now : undefined;
  }, `${requests} fresh requests to ${version}`);
  const fresh = after.requests - before.requests;
  return {
    requests: fresh,
    failing: (after.failed - before.failed) / fresh,
    slow: 1 - (after.quick - before.quick) / fresh,
  };
}

/** Asks until there is an answer. @throws when none comes in time. */
export async function eventually<Value>(ask: () => Promise<Value | undefined>, wanted: string): Promise<Value> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(100)) {
    const value = await ask();
    if (value !== undefined) return value;
  }
  throw new Error(`waited ${PATIENCE_MS} ms for ${wanted}`);
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of the commands as a person or a worker would: found by the PATH, from some other folder. */
export function run(env: Readonly<Record<string, string>>, line: string, signal?: AbortSignal): Promise<Outcome> {
  const [command = '', ...args] = line.split(' ');
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, cwd: '/', ...(signal && { signal }) };
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout: stdout.trim(), stderr: stderr.trim() });
    });
  });
}

/** Runs a command that has to succeed. */
export async function must(env: Readonly<Record<string, string>>, line: string): Promise<string> {
  const { code, stdout, stderr } = await run(env, line);
  if (code !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout;
}

/** All descendants, from /proc. */
export async function processesOf(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    const status = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    if (/^\d+$/.test(name) && parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && parent !== 0 && (parent === root || descends(parent));
  };
  return [...parents.keys()].filter(descends);
}
