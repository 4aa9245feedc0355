import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { fillPlaceholders, runCommand } from '../../src/processes/run-command.ts';
import { eventually, idleRun, isRunning } from './support.ts';

const operation = { id: 'blue-green/production/recommendation/run-1/deploy', attempt: 2 };
const scratch = mkdtempSync(join(tmpdir(), 'bg-command-'));
const started: number[] = [];
const changed: string[] = [];

/** A variable of the worker, until the end of the test. */
function set(name: string, value: string): void {
  process.env[name] = value;
  changed.push(name);
}

afterEach(() => {
  for (const name of changed.splice(0)) delete process.env[name];
  for (const pid of started.splice(0)) expect(isRunning(pid)).toBe(false);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));

const node = (script: string) => [process.execPath, '-e', script];

/** A command with a child of its own that both write their ids into `file` and ignore SIGTERM if told to. */
function family(file: string, ignoring: 'nothing' | 'child ignores SIGTERM'): string[] {
  const trap = ignoring === 'nothing' ? '' : "trap '' TERM;";
  return [
    '/bin/sh',
    '-c',
    `/bin/sh -c "${trap} echo \\$\\$ >> '${file}'; while :; do sleep 0.2; done" & echo $$ >> '${file}'; wait`,
  ];
}

function folder(): string {
  return mkdtempSync(join(scratch, 'case-'));
}

async function pidsIn(file: string, count: number): Promise<number[]> {
  const pids = await eventually(() => {
    const lines = readFileSync(file, 'utf8').trim().split('\n').map(Number);
    return lines.length >= count ? lines : undefined;
  });
  started.push(...pids);
  return pids;
}

test('a command runs without a shell, with its operation in its environment and its exit code kept', async () => {
  const script = `console.log(process.argv[1], process.env.BLUEGREEN_OPERATION_ID, process.env.BLUEGREEN_ATTEMPT, process.env.EXTRA);
    console.error('careful'); process.exit(7)`;
  set('EXTRA', 'more');
  const result = await runCommand({
    command: [...node(script), '$(id) ; "x" *'],
    operation,
    run: idleRun(),
    env: ['EXTRA'],
  });
  expect(result).toMatchObject({
    exitCode: 7,
    stdout: `$(id) ; "x" * ${operation.id} 2 more\n`,
    stderrTail: 'careful',
  });
  expect(result.outputTail).toContain('careful');
});

test('a command gets the variables that it names, the basic ones, and no other', async () => {
  for (const name of [
    'NAMED_ONE',
    'LC_TEST',
    'BLUEGREEN_TEST',
    'BLUEGREEN_STATE_URL',
    'UNNAMED',
    'SHOP_PASSWORD',
    'HTTPS_PROXY',
  ])
    set(name, `value of ${name}`);
  const command = node('console.log(JSON.stringify(process.env))');
  const { stdout } = await runCommand({ command, operation, run: idleRun(), env: ['NAMED_ONE'] });
  const given = JSON.parse(stdout) as Record<string, string>;
  expect(given).toMatchObject({
    NAMED_ONE: 'value of NAMED_ONE',
    LC_TEST: 'value of LC_TEST',
    BLUEGREEN_TEST: 'value of BLUEGREEN_TEST',
    PATH: process.env['PATH'],
  });
  for (const name of ['UNNAMED', 'SHOP_PASSWORD', 'BLUEGREEN_STATE_URL', 'HTTPS_PROXY', 'NODE_OPTIONS'])
    expect(given).not.toHaveProperty(name);
});

test('a command does not start without a variable that it names; an empty one is set', async () => {
  const file = join(folder(), 'started');
  const run = () => runCommand({ command: ['touch', file], operation, run: idleRun(), env: ['CLUSTER'] });
  await expect(run()).rejects.toMatchObject({
    type: 'CommandFailed',
    nonRetryable: true,
    message:
      'deploy could not be started: the variable CLUSTER, which the runbook names in "env", is not set on this worker',
  });
  expect(() => readFileSync(file)).toThrow('ENOENT');
  set('CLUSTER', '');
  expect(await run()).toMatchObject({ exitCode: 0 });
});

test('a command gets the value from the file, as it is now, and nobody sees it in its output', async () => {
  const file = join(folder(), 'login');
  set('LOGIN_FILE', file);
  const command = node('console.log("I am", process.env.LOGIN, process.env.LOGIN_FILE)');
  const run = () => runCommand({ command, operation, run: idleRun(), env: ['LOGIN'] });
  for (const value of ['first-of-all', 'second-of-all']) {
    writeFileSync(file, `${value}\n`);
    expect(await run()).toMatchObject({ stdout: `I am ${value} undefined\n`, outputTail: 'I am [redacted] undefined' });
  }
  rmSync(file);
  await expect(run()).rejects.toThrow(
    'the file that the variable LOGIN_FILE names cannot be read on this worker (ENOENT)',
  );
});

test('a command found on the PATH is the program, not a built-in of the shell', async () => {
  const result = await runCommand({ command: ['kill', '--version'], operation, run: idleRun() });
  expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('kill') });
});

test('a command ended by a signal has 128 and the number of the signal as its exit code', async () => {
  const command = node(`process.kill(process.pid, 'SIGKILL')`);
  expect(await runCommand({ command, operation, run: idleRun() })).toMatchObject({ exitCode: 137 });
});

test('a program that does not exist is a final failure that names it and where it was looked for', async () => {
  const run = runCommand({ command: ['no-such-tool', '--secret-flag'], operation, run: idleRun() });
  await expect(run).rejects.toMatchObject({
    type: 'CommandFailed',
    nonRetryable: true,
    message: `deploy could not be started: program "no-such-tool" was not found; it is looked up on the worker's PATH`,
  });
  await expect(runCommand({ command: ['/no/such/tool'], operation, run: idleRun() })).rejects.toThrow(
    'program "tool" was not found; no executable file is there',
  );
});

test('heartbeats go on while the command runs', async () => {
  const beats: unknown[] = [];
  const controller = new AbortController();
  const run = runCommand({
    command: node('setInterval(() => {}, 1000)'),
    operation,
    run: { signal: controller.signal, heartbeat: (detail) => beats.push(detail) },
  });
  await eventually(() => (beats.length >= 2 ? true : undefined));
  controller.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  expect(beats[0]).toEqual({ doing: 'running deploy', forMs: expect.any(Number) });
});

test('a heartbeat that throws does not harm the command', async () => {
  const throwing = {
    signal: new AbortController().signal,
    heartbeat: () => {
      throw new Error('activity not found');
    },
  };
  const command = node('setTimeout(() => {}, 1500)');
  expect(await runCommand({ command, operation, run: throwing })).toMatchObject({ exitCode: 0 });
});

test('100 MB of output are bounded, and the command is not held up', async () => {
  const script = `const line = 'x'.repeat(1023) + '\\n'; let n = 0;
    const more = () => { while (n++ < 102400) if (!process.stdout.write(line)) return process.stdout.once('drain', more); console.error('the end') };
    more()`;
  const before = process.memoryUsage().rss;
  const result = await runCommand({ command: node(script), operation, run: idleRun() });
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toHaveLength(1_048_576);
  expect(result.outputTail.length).toBeLessThanOrEqual(4_096);
  expect(result.stderrTail).toBe('the end');
  expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
});

test('what is kept of the output is redacted, also at the edge of what was cut away', async () => {
  const secret = 's'.repeat(3_000);
  const script = `console.log(process.env.MY_TOKEN + ' http://inner/x '.repeat(600) + process.env.MY_TOKEN)`;
  set('MY_TOKEN', secret);
  const { outputTail } = await runCommand({ command: node(script), operation, run: idleRun(), env: ['MY_TOKEN'] });
  expect(outputTail).toContain('[redacted]');
  expect(outputTail).toContain('[url]');
  expect(outputTail).not.toMatch(/sss|inner/);
});

test('cancellation ends the whole process group, then rejects with its reason', async () => {
  const dir = folder();
  const controller = new AbortController();
  const run = runCommand({
    command: family(join(dir, 'pids'), 'nothing'),
    operation,
    run: { signal: controller.signal, heartbeat() {} },
  });
  const settled = expect(run).rejects.toThrow('rolled back instead');
  const pids = await pidsIn(join(dir, 'pids'), 2);
  controller.abort(new Error('rolled back instead'));
  await settled;
  await eventually(() => (pids.some(isRunning) ? undefined : true));
});

test('a grandchild that ignores SIGTERM is killed five seconds later', async () => {
  const dir = folder();
  const controller = new AbortController();
  const run = runCommand({
    command: family(join(dir, 'pids'), 'child ignores SIGTERM'),
    operation,
    run: { signal: controller.signal, heartbeat() {} },
  });
  const settled = expect(run).rejects.toThrow('stop');
  const pids = await pidsIn(join(dir, 'pids'), 2);
  controller.abort(new Error('stop'));
  await settled;
  await eventually(() => (pids.some(isRunning) ? undefined : true));
});

test('nothing is started when the signal has aborted already', async () => {
  const file = join(scratch, 'never');
  const run = runCommand({
    command: ['touch', file],
    operation,
    run: { signal: AbortSignal.abort(new Error('too late')), heartbeat() {} },
  });
  await expect(run).rejects.toThrow('too late');
  expect(() => readFileSync(file)).toThrow('ENOENT');
});

test('a command that takes too long is ended with its group and fails for good', async () => {
  const dir = folder();
  const run = runCommand({
    command: family(join(dir, 'pids'), 'nothing'),
    operation,
    run: idleRun(),
    timeoutMs: 1_000,
  });
  await expect(run).rejects.toMatchObject({
    type: 'CommandFailed',
    nonRetryable: true,
    message: 'deploy did not end within 1 s and was stopped; it printed nothing',
  });
  await pidsIn(join(dir, 'pids'), 2);
});

test('a child left behind with the output open does not hold up the end of the command', async () => {
  const dir = folder();
  const command = ['/bin/sh', '-c', `sleep 900 & echo $! > '${join(dir, 'pids')}'; exit 3`];
  const { exitCode } = await runCommand({ command, operation, run: idleRun() });
  expect(exitCode).toBe(3);
  const sleeping = Number(readFileSync(join(dir, 'pids'), 'utf8'));
  expect(isRunning(sleeping)).toBe(true);
  process.kill(sleeping, 'SIGKILL');
});

test.each(['nothing', 'child ignores SIGTERM'] as const)(
  'the SIGKILL of the worker ends its command and grandchildren (%s)',
  async (ignoring) => {
    const dir = folder();
    const worker = spawnWorker(family(join(dir, 'pids'), ignoring));
    const pids = await pidsIn(join(dir, 'pids'), 2);
    expect(pids.every(isRunning)).toBe(true);
    worker.kill('SIGKILL');
    await eventually(() => (pids.some(isRunning) ? undefined : true));
  },
);

test('the pipe to the worker is not open in the command', async () => {
  const command = node(`try { require('fs').fstatSync(3); console.log('leaked') } catch (e) { console.log(e.code) }`);
  const viaShell = ['/bin/sh', '-c', '(: <&3) 2>/dev/null && echo leaked || echo closed'];
  expect((await runCommand({ command: viaShell, operation, run: idleRun() })).stdout).toBe('closed\n');
  // Node opens descriptors of its own: none of them may be a socket that leads to the worker.
  const { stdout } = await runCommand({ command, operation, run: idleRun() });
  expect(['EBADF\n', 'leaked\n']).toContain(stdout);
});

test('placeholders are filled as text inside one argument', () => {
  expect(
    fillPlaceholders(['deploy', '--to={service}@{version}', '{version}'], { service: 'a b', version: '$&{service}' }),
  ).toEqual(['deploy', '--to=a b@$&{service}', '$&{service}']);
  fc.assert(
    fc.property(fc.string(), fc.string(), (service, version) => {
      expect(fillPlaceholders(['{service}', '{version}'], { service, version })).toEqual([service, version]);
    }),
  );
});

test('an unknown placeholder is an error that names it and the known ones', () => {
  expect(() => fillPlaceholders(['{sevice}'], { service: 'x', version: 'y' })).toThrow(
    'found the placeholder {sevice}, expected one of {service}, {version}',
  );
  expect(() => fillPlaceholders(['{constructor}'], {})).toThrow('{constructor}');
});

/** A process that runs `command` through runCommand, as a worker does. */
function spawnWorker(command: string[]): ChildProcess {
  const module = fileURLToPath(new URL('../../src/processes/run-command.ts', import.meta.url));
  const script = `import { runCommand } from ${JSON.stringify(module)};
    await runCommand({ command: ${JSON.stringify(command)}, operation: { id: 'w/r/deploy', attempt: 1 },
      run: { signal: new AbortController().signal, heartbeat() {} } });`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'inherit' });
}
