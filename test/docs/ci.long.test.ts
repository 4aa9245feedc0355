import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parse } from 'yaml';
import { type LocalServer, startLocalServer } from '../../src/local-temporal/index.ts';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import { PROGRAM } from '../cli/command-line.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { observe, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';

/** The jobs of docs/ci.md, run as a runner does, on a server of this file's own: the service is the documentation's. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let server: LocalServer;
let production: LittleProduction;
let worker: WorkerProcess;
let programs: string;
let github: { jobs: Record<string, { steps: { run: string }[] }> };
let gitlab: Record<string, { script: string[]; after_script?: string[] }>;

beforeAll(async () => {
  server = await startLocalServer();
  process.env['TEST_TEMPORAL_ADDRESS'] = server.address;
  production = await startLittleProduction('shop', {
    checklist: [],
    traffic: [
      { percentage: 50, soak: '2s', approval: {} },
      { percentage: 100, soak: '2s' },
    ],
  });
  worker = startWorkerProcess('bluegreen', { ...production.env, TEMPORAL_ADDRESS: server.address });
  programs = await mkdtemp(join(tmpdir(), 'bluegreen-ci-'));
  const shims = {
    bluegreen: `exec '${PROGRAM.join("' '")}' "$@"`,
    gh: 'echo ana',
  };
  for (const [name, line] of Object.entries(shims)) {
    await writeFile(join(programs, name), `#!/bin/sh\n${line}\n`);
    await chmod(join(programs, name), 0o755);
  }
  const text = await readFile(`${ROOT}docs/ci.md`, 'utf8');
  const [first = '', second = ''] = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => block);
  github = parse(first) as typeof github;
  gitlab = parse(second) as typeof gitlab;
});
const temporal = useTemporal();
afterAll(async () => {
  await worker.kill('SIGKILL');
  await Promise.all([production.stop(), server.stop(), rm(programs, { recursive: true, force: true })]);
});

const RUNNER = {
  GITHUB_REF_NAME: '2.5.0',
  GITHUB_ACTOR: 'bo',
  GITHUB_RUN_ID: '7',
  GITHUB_REPOSITORY: 'org/shop',
  CI_COMMIT_TAG: '2.5.0',
  GITLAB_USER_LOGIN: 'cem',
  CI_PIPELINE_ID: '8',
  CI_JOB_ID: '9',
};

/** One script, in a process group of its own as runners do it. */
function job(script: string, env: Readonly<Record<string, string>> = {}) {
  const { npm_lifecycle_event: _, ...rest } = process.env;
  const child = execa('bash', ['-e', '-c', script], {
    env: { ...rest, ...RUNNER, TEMPORAL_ADDRESS: server.address, PATH: `${programs}:${process.env['PATH']}`, ...env },
    extendEnv: false,
    reject: false,
    all: true,
    detached: true,
    stdin: 'ignore',
  });
  let said = '';
  child.all.on('data', (chunk) => (said += String(chunk)));
  return {
    said: () => said,
    ended: child.then(({ exitCode, all }) => ({ exitCode, all })),
    signal: (name: NodeJS.Signals) => process.kill(-(child.pid ?? 0), name),
    exited: child,
  };
}
const githubStep = (name: string, step = 0) => job(github.jobs[name]?.steps[step]?.run ?? 'false');
const deployment = () =>
  observe(temporal.client().workflow.getHandle<typeof blueGreenDeployment>('blue-green/production/shop'));

async function untilSaid(running: ReturnType<typeof job>, text: string): Promise<void> {
  let ended = false;
  void running.exited.then(() => (ended = true));
  while (!running.said().includes(text)) {
    if (ended) throw new Error(`ended without "${text}": ${running.said()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('the jobs for GitLab: a job that is stopped leaves the deployment running, and its last script aborts it', async () => {
  const { script = [], after_script: after = [] } = gitlab['deploy'] ?? {};
  const stopped = job(script.join('\n'));
  await deploymentAtTheGate(stopped);
  stopped.signal('SIGTERM');
  expect((await stopped.ended).all).toContain('The deployment continues.');
  expect((await deployment().status()).phase).toBe('awaiting-approval');

  const watching = job('exec bluegreen watch --service shop');
  await untilSaid(watching, 'waiting for approval');
  watching.signal('SIGTERM');
  expect((await watching.ended).exitCode).toBe(130);

  const lost = job('exec bluegreen watch --service shop');
  await untilSaid(lost, 'waiting for approval');
  lost.signal('SIGKILL');
  await lost.ended;
  expect((await deployment().status()).phase).toBe('awaiting-approval');
  expect(await job(script.join('\n')).ended).toMatchObject({ exitCode: 7 });

  expect(await job(after.join('\n'), { CI_JOB_STATUS: 'success' }).ended).toMatchObject({ exitCode: 0, all: '' });
  const next = job('bluegreen watch --service shop');
  expect(await job(after.join('\n'), { CI_JOB_STATUS: 'canceled' }).ended).toMatchObject({ exitCode: 0 });
  expect((await next.ended).exitCode).toBe(10);
  expect(production.share()).toBe(0);
  expect(await job((gitlab['approve']?.script ?? []).join('\n')).ended).toMatchObject({ exitCode: 3 });
});

async function deploymentAtTheGate(running: ReturnType<typeof job>): Promise<void> {
  await untilSaid(running, 'Started');
  await deployment().untilPhase('awaiting-approval');
}

test('the jobs for GitHub: the reviewer of the environment is who approved, once', async () => {
  expect(await githubStep('start').ended).toMatchObject({ exitCode: 0 });
  const finish = githubStep('finish');
  await deployment().untilPhase('awaiting-approval');
  expect(await githubStep('approve').ended).toMatchObject({ exitCode: 0 });
  expect((await finish.ended).exitCode).toBe(0);
  const { decisions } = await deployment().status();
  expect(decisions.filter(({ taken }) => taken)).toMatchObject([{ action: 'approve', by: 'ana' }]);
  expect(production.share()).toBe(1);
});
