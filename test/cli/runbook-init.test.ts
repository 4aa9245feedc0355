import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { format } from '../support/registry.ts';
import { missingTerminal, useTerminal } from '../support/terminal.ts';
import { PROGRAM, useCommandLine, withoutSettings } from './command-line.ts';

const bluegreen = useCommandLine();
const openTerminal = useTerminal();
const missing = missingTerminal();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-init-'));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('runbook init writes a runbook that is valid, with what was asked for, and never over another file', async () => {
  const file = join(folder, 'of', 'shop.yaml');
  const words = ['--service', 'shop', '--environment', 'staging', '--version-label', 'release', '--output', file];
  const first = await bluegreen(['runbook', 'init', ...words]).ended;
  expect(first.exitCode).toBe(EXIT.ok);
  expect(first.out).toContain(`runbook validate ${file}`);
  const text = await readFile(file, 'utf8');
  expect(parseRunbook(text, { file: file, format })).toMatchObject({
    service: 'shop',
    environment: 'staging',
    metrics: { kind: 'prometheus', versionLabel: 'release' },
  });
  expect((await bluegreen(['runbook', 'validate', file]).ended).exitCode).toBe(EXIT.ok);

  await writeFile(file, 'mine');
  const second = await bluegreen(['runbook', 'init', ...words]).ended;
  expect(second.exitCode).toBe(EXIT.usage);
  expect(second.err).toBe(`${file}: already exists and was not changed. Name another file with --output.\n`);
  expect(await readFile(file, 'utf8')).toBe('mine');
});

test('what would make it invalid is refused with its place, and nothing is written', async () => {
  const file = join(folder, 'shop.yaml');
  const words = ['--service', 'shop', '--prometheus', 'nowhere', '--output', file];
  const { exitCode, err } = await bluegreen(['runbook', 'init', ...words]).ended;
  expect(exitCode).toBe(EXIT.usage);
  expect(err).toMatch(/metrics\.url: found .*, expected an http or https URL/);
  await expect(readFile(file, 'utf8')).rejects.toThrow('ENOENT');
});

test('in a script the service has to be named', async () => {
  const { exitCode, err } = await bluegreen(['runbook', 'init']).ended;
  expect(exitCode).toBe(EXIT.usage);
  expect(err).toBe('Say which service, with --service NAME. At a terminal it is asked for.\n');
});

(missing === undefined ? test : test.skip)(
  'at a terminal it asks for what no option says, refuses a wrong answer, and writes nothing when the person stops',
  async () => {
    const file = join(folder, 'shop.yaml');
    const words = ['runbook', 'init', '--version-label', 'release', '--output', file];
    const command = [...PROGRAM, ...words];
    const env = { ...withoutSettings(process.env), TERM: 'xterm' };

    const stopped = openTerminal(command, env);
    await stopped.shows('Which service does it deploy?');
    stopped.type('\u0003');
    await stopped.shows('Nothing was written.');
    expect(await stopped.end()).toEqual({ exitCode: EXIT.interrupted, restored: true });
    await expect(readFile(file, 'utf8')).rejects.toThrow('ENOENT');

    const terminal = openTerminal(command, env);
    await terminal.shows('Which service does it deploy?');
    terminal.type('my shop\r');
    await terminal.shows('Expected letters, digits');
    terminal.type('\b\u007f\u007f\u007f\u007f\u007f\u007f\u007fshop\r');
    for (const question of [
      'In which environment?',
      'address of your Prometheus?',
      'Which counter',
      'Which histogram',
      'HTTP status?',
    ]) {
      await terminal.shows(question);
      terminal.type('\r');
    }
    await terminal.shows(`Written: ${file}`);
    expect(await terminal.end()).toEqual({ exitCode: EXIT.ok, restored: true });
    expect(parseRunbook(await readFile(file, 'utf8'), { file, format })).toMatchObject({
      service: 'shop',
      metrics: { versionLabel: 'release', codeLabel: 'code' },
    });
  },
);
