import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startPostgres } from '../checks/support/postgres.ts';
import { useServers } from '../support/http.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { uniqueService } from '../support/temporal.ts';
import { useCommandLine } from './command-line.ts';

const bluegreen = useCommandLine();
const serve = useServers();
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function production(changes: Record<string, unknown>): Promise<LittleProduction & { readonly file: string }> {
  const little = await startLittleProduction(uniqueService(), changes);
  cleanUps.push(() => little.stop());
  return { ...little, file: join(little.env['BLUEGREEN_RUNBOOKS'] ?? '', 'runbook.yaml') };
}

const check = (id: string, rest: object) => ({ id, title: id, group: id, ...rest });

interface Probed {
  readonly probes: readonly { what: string; isOk: boolean; found: string; unblock?: string }[];
}

test('validate --probe finds everything there, and changes and sends nothing', async () => {
  const hook = await serve((_, response) => response.end());
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-probe-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'hook'), `${hook.origin}/hunter2`);
  const postgres = await startPostgres();
  cleanUps.push(() => postgres.stop());
  const { file, audit } = await production({
    workload: { env: ['REGION'] },
    databases: { main: { urlEnv: 'MAIN_URL' } },
    notifications: [{ kind: 'webhook', urlEnv: 'CHAT_HOOK' }],
    checklist: [
      check('answers', { kind: 'http', url: `${hook.origin}/{version}` }),
      check('flag', { kind: 'command', command: ['true'], env: ['REGION'] }),
    ],
  });
  const env = { REGION: 'eu', CHAT_HOOK_FILE: join(folder, 'hook'), MAIN_URL: postgres.url() };
  const { exitCode, out, err } = await bluegreen(['runbook', 'validate', '--probe', file], env).ended;
  expect({ exitCode, err, problems: out.split('\n').filter((line) => line.startsWith('  problem')) }).toEqual({
    exitCode: EXIT.ok,
    err: '',
    problems: [],
  });
  for (const line of [
    'router status: 2.4.0 100 %',
    'workload health of blue: 2.4.0: it answered 200',
    'metrics: versions 2.4.0',
    'databases.main: it answers',
    'metrics.targets: it can be reached',
    'checklist[answers].url: it can be reached',
    'checklist[flag].env (REGION): it is set',
    'notifications[0].urlEnv (CHAT_HOOK): it can be reached',
  ])
    expect(out).toContain(`  ok       ${line}`);
  expect(out).not.toMatch(/hunter2|postgres-secret|127\.0\.0\.1/);
  expect(audit).toEqual([]);
  expect(hook.asked).toEqual([]);
});

test('validate --probe names each problem with what to do, and exits with 11', async () => {
  const gone = await serve(() => {});
  await gone.close();
  const { file, misbehave, audit } = await production({
    workload: { deploy: ['no-such-program', '{version}'], env: ['CLUSTER'] },
    databases: { main: { urlEnv: 'MAIN_URL' }, other: { urlEnv: 'OTHER_URL' } },
    notifications: [{ kind: 'webhook', urlEnv: 'CHAT_HOOK' }],
    checklist: [
      check('answers', { kind: 'http', url: `${gone.origin}/` }),
      check('flag', { kind: 'command', command: ['no-such-check'], remedy: { command: ['no-such-remedy'] } }),
    ],
  });
  misbehave('metrics', 'fail');
  misbehave('status', 'lie');
  const env = { MAIN_URL: `postgres://ana:hunter2@${new URL(gone.origin).host}/shop` };
  const { exitCode, out } = await bluegreen(['runbook', 'validate', '--probe', '--json', file], env).ended;
  expect(exitCode).toBe(EXIT.refused);
  const { probes } = JSON.parse(out) as Probed;
  const problems = new Map(probes.filter(({ isOk }) => !isOk).map((one) => [one.what, one]));
  const expected = {
    'router status': 'printed "done", expected JSON such as',
    workload: 'the program of deploy cannot be run',
    metrics: 'HTTP status 500',
    'workload.env (CLUSTER)': 'it is not set',
    'databases.main': 'nothing listens on',
    'databases.other': 'the variable OTHER_URL is not set',
    'notifications[0].urlEnv (CHAT_HOOK)': 'it is not set',
    'checklist[answers].url': 'it cannot be reached (ECONNREFUSED)',
    'checklist[flag].command': 'cannot be run: there is none on the worker',
    'checklist[flag].remedy.command': 'cannot be run: there is none on the worker',
  };
  for (const [what, found] of Object.entries(expected)) {
    expect([what, problems.get(what)?.found]).toEqual([what, expect.stringContaining(found)]);
    expect([what, problems.get(what)?.unblock]).toEqual([what, expect.stringMatching(/\w/)]);
  }
  expect(out).not.toContain('hunter2');
  expect(audit).toEqual([]);
});
