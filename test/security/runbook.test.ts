import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseRunbook } from '../../src/runbook/load.ts';
import { createRunbookStore } from '../../src/runbook/store.ts';
import { folderState } from '../../src/state/folder.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';
import { cpuMs } from '../support/cpu.ts';
import { format } from '../support/registry.ts';

const doubling = Array.from({ length: 30 }, (_, n) => `k${n + 1}: &k${n + 1} { a: *k${n}, b: *k${n} }`);

test.each<[string, string]>([
  ['aliases that double thirty times', ['k0: &k0 { a: 1 }', ...doubling].join('\n')],
  [
    'aliases that double as merge keys',
    ['k0: &k0 { a: 1 }', ...doubling.map((row) => row.replace('a:', '<<:'))].join('\n'),
  ],
  ['an alias of itself', 'a: &a [*a]'],
  ['10,000 aliases of one text', `a: &a ${'x'.repeat(1_000)}\nb: [${'*a,'.repeat(10_000)}]`],
  ['a prototype by a merge key', `${GUIDE_TEXT}\n<<: { "__proto__": { polluted: yes } }`],
  ['a constructor', `${GUIDE_TEXT}\nconstructor: { prototype: { polluted: yes } }`],
  ['a key twice, far inside', GUIDE_TEXT.replace('errorRate: 5%', 'errorRate: 5%\n  errorRate: 99%')],
  ['a binary', `${GUIDE_TEXT}\nx: !!binary aGVsbG8=`],
  ['200 KB of one number', `service: ${'1'.repeat(200_000)}`],
  ['maps in each other', '{a: '.repeat(50_000)],
])('a runbook made to harm is refused in a moment and in words: %s', (_what, text) => {
  const before = cpuMs();
  let message = '';
  try {
    parseRunbook(text, { file: 'x.yaml', format });
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain('x.yaml');
  expect(message.length).toBeLessThan(10_000);
  expect(cpuMs() - before).toBeLessThan(5_000);
  expect({}).not.toHaveProperty('polluted');
});

test('what is no plain file in the folder of runbooks is not read: it could keep the worker for ever', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-security-'));
  try {
    await writeFile(join(folder, 'good.yaml'), GUIDE_TEXT);
    await symlink('/dev/zero', join(folder, 'endless.yaml'));
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', join(folder, 'silent.yaml')]);
    await symlink('/etc/passwd', join(folder, 'elsewhere.yaml')); // read, since it is a file, but never shown
    const store = createRunbookStore({ directory: folder, state: folderState(join(folder, 'state')), format });
    expect((await store.find('recommendation', 'production')).runbook.service).toBe('recommendation');
    const message = await store.find('other', 'production').catch(String);
    expect(message).toContain('elsewhere.yaml: broken');
    expect(message).not.toMatch(/root|\/bin\//);
  } finally {
    await rm(folder, { recursive: true });
  }
});
