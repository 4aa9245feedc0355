import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { redact } from '../../src/util/redact.ts';
import { readVariable } from '../../src/util/variables.ts';

const folder = mkdtempSync(join(tmpdir(), 'bluegreen-variables-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileWith(content: string): string {
  files += 1;
  const file = join(folder, `file-${files}`);
  writeFileSync(file, content);
  return file;
}

test('a variable is read from the environment, or from the file that NAME_FILE names', () => {
  expect(readVariable({ NAME: 'value' }, 'NAME')).toBe('value');
  expect(readVariable({ NAME: 'value', NAME_FILE: '' }, 'NAME')).toBe('value');
  expect(readVariable({ NAME_FILE: fileWith('of a file\r\n') }, 'NAME')).toBe('of a file');
  expect(readVariable({ NAME: '', NAME_FILE: fileWith('two\nlines\n') }, 'NAME')).toBe('two\nlines');
  expect(readVariable({}, 'NAME')).toBeUndefined();
});

test('a file that is replaced counts from the next reading, also behind a link as Kubernetes has it', () => {
  const link = join(folder, 'link');
  const env = { NAME_FILE: link };
  symlinkSync(fileWith('before-it'), link);
  expect(readVariable(env, 'NAME')).toBe('before-it');
  rmSync(link);
  symlinkSync(fileWith('after-it'), link);
  expect(readVariable(env, 'NAME')).toBe('after-it');
});

test('what was read from a file is redacted, the last values as well', () => {
  const file = fileWith('');
  for (const value of ['plain-words-1', 'plain-words-2']) {
    writeFileSync(file, value);
    readVariable({ HARMLESS_FILE: file }, 'HARMLESS');
  }
  expect(redact('plain-words-2 after plain-words-1', {})).toBe('[redacted] after [redacted]');
});

test('the password of a URL that was read from a file is redacted alone, too', () => {
  readVariable({ DB_FILE: fileWith('postgres://shop:s3cr%20et-word@db/shop') }, 'DB');
  expect(redact('no such password: s3cr et-word', {})).toBe('no such password: [redacted]');
});

test('both, no file, an empty one and a pipe are errors that name the variable and never hold a value or path', () => {
  const pipe = join(folder, 'pipe');
  execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', pipe]);
  const errors = [
    [{ NAME: 'value', NAME_FILE: fileWith('x') }, 'the variables NAME and NAME_FILE are both set; remove one of them'],
    [
      { NAME_FILE: join(folder, 'none') },
      'the file that the variable NAME_FILE names cannot be read on this worker (ENOENT)',
    ],
    [
      { NAME_FILE: fileWith('\n') },
      'the file that the variable NAME_FILE names is empty; write the value of NAME into it',
    ],
    [{ NAME_FILE: pipe }, 'the file that the variable NAME_FILE names is no regular file'],
    [{ NAME_FILE: fileWith('x'.repeat(70_000)) }, 'the file that the variable NAME_FILE names has more than 64 KB'],
  ] as const;
  for (const [env, message] of errors) expect(() => readVariable(env, 'NAME')).toThrow(new Error(message));
});
