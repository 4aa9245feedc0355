import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { useCommandLine } from './command-line.ts';

const bluegreen = useCommandLine();
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
  expect(parseRunbook(text, file)).toMatchObject({
    service: 'shop',
    environment: 'staging',
    metrics: { kind: 'prometheus', versionLabel: 'release' },
  });
  expect((await bluegreen(['runbook', 'validate', file]).ended).exitCode).toBe(EXIT.ok);

  await writeFile(file, 'mine');
  const second = await bluegreen(['runbook', 'init', ...words]).ended;
  expect(second.exitCode).toBe(EXIT.usage);
  expect(second.err).toBe(`${file}: exists already, and is left as it is. Name another file with --output.\n`);
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
