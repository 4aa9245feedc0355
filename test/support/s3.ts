import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findProgram } from '../../src/processes/index.ts';
import { freePort } from '../../src/sandbox/program.ts';
import { PATIENCE_MS } from './patience.ts';

/**
 * versitygw, a server that speaks S3 and verifies signatures: scripts/support/build-s3-server.sh builds it. With
 * BLUEGREEN_ALL_TESTS=required it is built, or this waits for the build that CI has begun.
 */
export async function findS3Server(): Promise<string | undefined> {
  if (process.env['BLUEGREEN_ALL_TESTS'] === 'required') await execa('bash', ['scripts/support/build-s3-server.sh']);
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const built = await findProgram(join(cache, 'bluegreen', 's3-server', 'versitygw'));
  return built ?? (await findProgram('versitygw', process.env['PATH']));
}

export const BUCKET = 'deployment-state';
const KEYS = { accessKeyId: 'worker-key', secretAccessKey: 'worker-secret/+=' };
const REGION = 'eu-west-1';

/** A real server with a bucket. */
export interface TestS3 {
  readonly port: number;
  /** What a worker has in its environment for the bucket. `port`: of something in front of the server. */
  env(port?: number): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startS3(program: string): Promise<TestS3> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-s3-'));
  for (const name of ['buckets', 'metadata']) await mkdir(join(folder, name));
  await mkdir(join(folder, 'buckets', BUCKET));
  const port = await freePort();
  const access = ['--access', KEYS.accessKeyId, '--secret', KEYS.secretAccessKey, '--region', REGION];
  const server = spawn(
    program,
    [...access, '--keep-alive', '--quiet', '--port', `127.0.0.1:${port}`]
      .concat(['--health', '/health', 'posix', '--sidecar', join(folder, 'metadata')])
      .concat(join(folder, 'buckets')),
    { cwd: folder, stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await untilAnswered(`http://127.0.0.1:${port}/health`);
  return {
    port,
    env: (at = port) => ({
      BLUEGREEN_STATE_URL: `s3://${BUCKET}/shop/state?region=${REGION}&endpoint=http://127.0.0.1:${at}`,
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    }),
    stop: async () => {
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function untilAnswered(url: string): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer`);
}
