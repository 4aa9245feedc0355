import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { common, contextFor } from './support/context.ts';
import { createCheck } from './support/create.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-command-'));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const run = (command: string[], { timeout = 10_000, signal = new AbortController().signal } = {}) =>
  createCheck({ ...common, kind: 'command', command, timeout })(contextFor('', signal));

describe('command', () => {
  test('fails while the program says no, and passes after the cause is fixed', async () => {
    const file = join(folder, 'ready');
    const finding = await run(['cat', file]);
    expect(finding).toMatchObject({ passed: false, summary: expect.stringMatching(/exit code 1: .*No such file/) });
    await writeFile(file, 'all is ready\n');
    expect(await run(['cat', file])).toEqual({
      passed: true,
      summary: 'the command ended with exit code 0',
      evidence: [
        { what: 'exit code', measured: '0', required: '0' },
        { what: 'end of its output', measured: 'all is ready' },
      ],
    });
  });

  test('fills placeholders as text inside an argument, past any shell', async () => {
    const finding = await run(['printf', '%s|', '{service};$(id)', '{version}', '{blue}', '{environment}']);
    expect(finding.evidence).toContainEqual({
      what: 'end of its output',
      measured: 'recommendation;$(id)|2.5.0|2.4.0|production|',
    });
  });

  test('fails when the program is not there, or does not end in time', async () => {
    expect(await run(['no-such-program'])).toMatchObject({
      passed: false,
      summary: expect.stringContaining('not found'),
    });
    expect(await run(['sleep', '60'], { timeout: 100 })).toMatchObject({
      passed: false,
      summary: expect.stringContaining('did not end within 0.1 s'),
    });
  });

  test('shows no URL and no secret that the program prints', async () => {
    const finding = await run(['echo', 'see https://ana:s3cr3t@inner.example/path, password=s3cr3t']);
    expect(JSON.stringify(finding)).not.toMatch(/s3cr3t|inner\.example/);
  });

  test('gets only the variables that it names, and fails without one of them', async () => {
    process.env['BG_TEST_REGION'] = 'eu-west-1';
    const check = (env: string[]) =>
      createCheck({ ...common, kind: 'command', command: ['printenv', 'BG_TEST_REGION'], env, timeout: 10_000 })(
        contextFor(''),
      );
    expect(await check([])).toMatchObject({ passed: false, summary: 'the command ended with exit code 1' });
    expect(await check(['BG_TEST_REGION'])).toMatchObject({ passed: true });
    delete process.env['BG_TEST_REGION'];
    expect(await check(['BG_TEST_REGION'])).toMatchObject({
      passed: false,
      summary: expect.stringContaining('the variable BG_TEST_REGION, which the runbook names in "env", is not set'),
    });
  });

  test('rejects with the reason when it is stopped', async () => {
    const stop = new AbortController();
    const running = run(['sleep', '60'], { signal: stop.signal });
    stop.abort(new Error('stopped by the test'));
    await expect(running).rejects.toThrow('stopped by the test');
  });
});

test('an attestation is a person’s to give', () => {
  expect(() => createCheck({ ...common, kind: 'attestation', statement: 'It was tested.' })).toThrow(
    'is confirmed by a person',
  );
});
