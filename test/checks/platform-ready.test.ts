import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Finding } from '../../src/plugin/observation.ts';
import { common, contextFor, withRunbook } from './support/context.ts';
import { createCheck } from './support/create.ts';

const PATH = process.env['PATH'];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-platform-'));
  for (const name of ['deploy', 'shift', 'rollback']) await program(name, 'exit 0');
  await traffic({ '2.4.0': 100 });
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const at = (name: string) => join(folder, name);
async function program(name: string, script: string): Promise<void> {
  await writeFile(at(name), `#!/bin/sh\n${script}\n`);
  await chmod(at(name), 0o755);
}
const traffic = (shares: Record<string, number>) =>
  program('status', `echo asked >> '${at('asked')}'; echo '${JSON.stringify({ traffic: shares })}'`);
const timesAsked = async () => (await readFile(at('asked'), 'utf8').catch(() => '')).split('\n').length - 1;

interface Changes {
  readonly deploy?: readonly string[];
  readonly withoutStatus?: true;
  readonly green?: string;
  /** Variables that the workload's programs get. */
  readonly env?: readonly string[];
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Variables of the worker's environment; the runbook has a channel for each that is named here. */
  readonly hooks?: Readonly<Record<string, string | undefined>>;
}

function look({
  deploy = [at('deploy'), '--version', '{version}'],
  withoutStatus,
  green = '2.5.0',
  env,
  timeout,
  signal,
  hooks = {},
}: Changes = {}): Promise<Finding> {
  const context = contextFor('', signal);
  const { runbook } = context;
  const workload = { ...runbook.workload, deploy, ...(env && { env }) };
  const { status: _, ...rest } = runbook.router as { status?: unknown; kind: string; timeout: number };
  const router = {
    ...rest,
    shiftTraffic: [at('shift'), '--percentage', '{percentage}'],
    rollback: [at('rollback')],
    ...(withoutStatus ? {} : { status: [at('status'), '{service}'] }),
  };
  const check = createCheck({ ...common, kind: 'platform-ready', ...(timeout && { timeout }) });
  const notifications = Object.keys(hooks).map((urlEnv) => ({ kind: 'webhook' as const, urlEnv }));
  const given = { ...context, env: { ...hooks }, target: { ...context.target, green } };
  return check(withRunbook(given, { ...runbook, workload, router, notifications }));
}

function measured({ evidence }: Finding, what: string): string {
  const line = evidence.find((one) => one.what === what);
  if (!line) throw new Error(`no evidence on ${what}`);
  return line.measured;
}

/** Failed with these words, with a way out, and without a path or command line. */
function expectFailed(finding: Finding, words: string | RegExp): void {
  const summary = typeof words === 'string' ? words : expect.stringMatching(words);
  expect(finding).toMatchObject({ passed: false, summary, unblock: expect.stringMatching(/\w/) });
  expect(JSON.stringify(finding)).not.toMatch(/bluegreen-platform-|--version|--percentage/);
}

describe('platform-ready', () => {
  test('passes with all programs there and all traffic on blue, and says so line by line', async () => {
    const there = {
      measured: 'found at the path in the runbook',
      required: 'a file that may be run',
      source: 'this worker',
    };
    expect(await look()).toEqual({
      passed: true,
      summary: 'all that the deployment needs is there; 2.4.0 serves',
      evidence: [
        { what: 'program of deploy', ...there },
        { what: 'program of shiftTraffic', ...there },
        { what: 'program of rollback', ...there },
        { what: 'program of status', ...there },
        { what: 'traffic', measured: '2.4.0 100 %', required: 'all on 2.4.0', source: 'router' },
        { what: 'requested version', measured: '2.5.0', required: 'not 2.4.0, which served at the start' },
      ],
    });
  });

  test("passes where the worker has every channel's variable, and says so without its URL", async () => {
    const finding = await look({ hooks: { CHAT_HOOK: 'https://chat.example/hunter2' } });
    expect(finding).toMatchObject({ passed: true });
    expect(measured(finding, 'notification 1 of 1 (webhook)')).toBe('can be sent');
    expect(JSON.stringify(finding)).not.toContain('hunter2');
  });

  test('fails where nobody could be told on a channel, and names it with its variable', async () => {
    const hooks = { CHAT_HOOK: 'https://chat.example/hunter2', PAGER_HOOK: undefined, MAIL_HOOK: 'hunter2' };
    const finding = await look({ hooks });
    expectFailed(
      finding,
      "notification 2 of 3 (webhook) cannot be sent: the worker's variable PAGER_HOOK is not set, expected a webhook's URL; " +
        "notification 3 of 3 (webhook) cannot be sent: the worker's variable MAIL_HOOK holds no URL, expected a webhook's URL",
    );
    expect(finding.unblock).toContain('set PAGER_HOOK in the worker');
    expect(JSON.stringify(finding)).not.toContain('hunter2');
  });

  test('names the variables that a program names and that are not set here', async () => {
    const finding = await look({ env: ['PATH', 'NOT_SET_HERE'] });
    expectFailed(finding, 'the variable NOT_SET_HERE, which the runbook names in "env", is not set on this worker');
    expect(finding.unblock).toBe('set NOT_SET_HERE and restart the worker, or remove it from workload.env');
    expect(measured(finding, 'variables of workload.env')).toBe('not usable: NOT_SET_HERE');
    expect(measured(await look({ env: ['PATH'] }), 'variables of workload.env')).toBe('all set');
  });

  test('passes right before the first shift, with green at 0 %', async () => {
    await traffic({ '2.4.0': 100, '2.5.0': 0 });
    expect(await look()).toMatchObject({ passed: true });
  });

  test.each(['deploy', 'shift', 'rollback', 'status'])(
    'fails while the program %s is missing or may not be run',
    async (name) => {
      const role = name === 'shift' ? 'shiftTraffic' : name;
      await chmod(at(name), 0o644);
      expectFailed(await look(), `the program of ${role} cannot be run: there is none at the path in the runbook`);
      await chmod(at(name), 0o755);
      expect(await look()).toMatchObject({ passed: true });
      await rm(at(name));
      const finding = await look();
      expectFailed(finding, /cannot be run/);
      expect(finding.unblock).toContain(`${role === 'deploy' ? 'workload' : 'router'}.${role}`);
      expect(measured(finding, `program of ${role}`)).toBe('none that may be run at the path in the runbook');
    },
  );

  test('names every program that is missing, and still tells of the traffic', async () => {
    await rm(at('deploy'));
    await rm(at('rollback'));
    await traffic({ '2.4.0': 50, '2.5.0': 50 });
    expectFailed(
      await look(),
      /^the program of deploy .*; the program of rollback .*; a shift is under way: 2\.4\.0 50 %, 2\.5\.0 50 %$/,
    );
  });

  test('looks for programs where the worker’s commands are run from, with the placeholders filled', async () => {
    await program('deploy-recommendation-2.5.0', 'exit 0');
    const deploy = ['deploy-{service}-{version}'];
    expectFailed(await look({ deploy }), "the program of deploy cannot be run: there is none on the worker's PATH");
    process.env['PATH'] = `${folder}${delimiter}${PATH}`;
    expect(await look({ deploy })).toMatchObject({ passed: true });
  });

  test('fails while a shift is under way, and passes when it is undone', async () => {
    await traffic({ '2.4.0': 90, '2.5.0': 10 });
    const finding = await look();
    expectFailed(finding, 'a shift is under way: 2.4.0 90 %, 2.5.0 10 %');
    expect(measured(finding, 'traffic')).toBe('2.4.0 90 %, 2.5.0 10 %');
    await traffic({ '2.4.0': 100 });
    expect(await look()).toMatchObject({ passed: true });
  });

  test('names a third version that gets traffic; one without any is only shown', async () => {
    await traffic({ '2.4.0': 60, '2.3.9': 40, '2.5.0': 0 });
    expectFailed(await look(), /a shift is under way: .*, with 2\.3\.9, unknown to this deployment$/);
    await traffic({ '2.4.0': 100, '2.3.9': 0 });
    const finding = await look();
    expect(finding.passed).toBe(true);
    expect(measured(finding, 'traffic')).toBe('2.4.0 100 %, 2.3.9 0 %');
  });

  test('fails where another version serves than at the start', async () => {
    await traffic({ '2.4.1': 100, '2.4.0': 0 });
    expectFailed(await look(), '2.4.1 serves, not 2.4.0, which did when this deployment began');
  });

  test('fails where the requested version serves already', async () => {
    await traffic({ '2.5.0': 100 });
    expectFailed(await look(), '2.5.0 serves already');
    await traffic({ '2.4.0': 100 });
    expectFailed(await look({ green: '2.4.0' }), '2.4.0 serves already');
    expectFailed(await look({ green: '2.4.0', withoutStatus: true }), '2.4.0 serves already');
  });

  test('fails where nobody serves, or not all of the traffic is accounted for', async () => {
    await traffic({});
    expectFailed(await look(), 'no version gets any traffic');
    await traffic({ '2.4.0': 70 });
    expectFailed(await look(), 'a shift is under way: 2.4.0 70 %');
  });

  test('a runbook without a status command is told what is not provable, and passes', async () => {
    const finding = await look({ withoutStatus: true });
    expect(finding.passed).toBe(true);
    expect(measured(finding, 'traffic')).toBe('not provable: the router cannot report it');
    expect(finding.evidence.some(({ what }) => what === 'program of status')).toBe(false);
  });

  test.each([
    [
      'fails',
      'echo "the control plane is away, see https://inner.example/status" >&2; exit 3',
      /exit code 3: the control plane is away, see \[url\]$/,
    ],
    ['answers nonsense', 'echo 2.4.0', /printed "2\.4\.0", expected JSON such as/],
    ['says nothing', 'exit 0', /printed nothing, expected JSON/],
  ])('a status command that %s has failed, in words that tell how it should answer', async (_how, script, words) => {
    await program('status', script);
    const finding = await look({ timeout: 1_000 });
    expectFailed(
      finding,
      new RegExp(
        `^the traffic cannot be read: router.status ${words.source.startsWith('exit') ? 'failed with ' : ''}${words.source}`,
      ),
    );
    expect(finding.unblock).toMatch(/router\.status by hand; .* exit code 0 and print .*"2\.4\.0": 100/);
    await traffic({ '2.4.0': 100 });
    expect(await look()).toMatchObject({ passed: true });
  });

  test('a status command that fails once is asked again', async () => {
    await program(
      'status',
      `echo asked >> '${at('asked')}'; [ "$(wc -l < '${at('asked')}')" -gt 1 ] || exit 1; echo '{"traffic":{"2.4.0":100}}'`,
    );
    expect(await look()).toMatchObject({ passed: true });
    expect(await timesAsked()).toBe(2);
  });

  test('shows that it lives, and rejects with the reason when it is stopped', async () => {
    const stop = new AbortController();
    await program('status', `echo asked >> '${at('asked')}'; sleep 60`);
    const looking = look({ signal: stop.signal });
    const stopped = expect(looking).rejects.toThrow('stopped by the test');
    while ((await timesAsked()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort(new Error('stopped by the test'));
    await stopped;
  });
});
