import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { registryWith } from '../../src/built-in.ts';
import { definePlugin } from '../../src/plugin/define-plugin.ts';
import { notificationKind } from '../../src/plugin/kinds.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { PROGRAM } from '../cli/command-line.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-plugins-'));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const put = async (name: string, text: string) => {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
};

/** A plugin with one kind of notification. */
const plugin = (kind: string, portVersion = 1) => `
export default {
  name: 'plugin-${kind}',
  portVersion: ${portVersion},
  notifications: [{ kind: '${kind}', summary: 'A test.', schema: (base) => base, create: () => ({ async notify() {} }) }],
};`;

/** What `runbook validate` says of the guide's runbook with this notification, started in the folder. */
async function validate(kind: string, env: NodeJS.ProcessEnv = {}) {
  await put('runbook.yaml', `${GUIDE_TEXT}\nnotifications: [{ kind: ${kind} }]\n`);
  const [node, program] = PROGRAM;
  const { exitCode, stdout, stderr } = await execa(node, [program, 'runbook', 'validate', 'runbook.yaml'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...env },
    extendEnv: false,
    reject: false,
  });
  return { exitCode, said: `${stdout}${stderr}` };
}

test('plugins are loaded from bluegreen.config and from BLUEGREEN_PLUGINS, by path and by the name of a package', async () => {
  await put('pager.mjs', plugin('pager'));
  await put('node_modules/plugin-chat/package.json', '{"name":"plugin-chat","type":"module","exports":"./index.js"}');
  await put('node_modules/plugin-chat/index.js', plugin('chat'));
  expect(await validate('pager')).toMatchObject({
    exitCode: 2,
    said: expect.stringContaining('notifications[0].kind: found "pager", expected slack or teams or'),
  });
  expect(await validate('pager', { BLUEGREEN_PLUGINS: './pager.mjs' })).toMatchObject({ exitCode: 0 });
  await put('bluegreen.config.mjs', "export default { plugins: ['./pager.mjs', 'plugin-chat'] };");
  expect(await validate('pager')).toMatchObject({ exitCode: 0 });
  expect(await validate('chat')).toMatchObject({ exitCode: 0 });
});

test.each<[string, Record<string, string>, NodeJS.ProcessEnv, string | RegExp]>([
  [
    'is not there',
    {},
    { BLUEGREEN_PLUGINS: 'no-such-plugin' },
    /^The plugin no-such-plugin cannot be loaded: it, or a package that it imports, is not installed; install it with npm, or correct its name\.$/,
  ],
  [
    'throws',
    { 'a.mjs': 'throw new Error("no licence")' },
    { BLUEGREEN_PLUGINS: './a.mjs' },
    'The plugin ./a.mjs cannot be loaded: no licence.',
  ],
  [
    'exports nothing',
    { 'a.mjs': 'export const a = 1;' },
    { BLUEGREEN_PLUGINS: './a.mjs' },
    /^The plugin \.\/a\.mjs has no default export made by definePlugin/,
  ],
  [
    'is made for other ports',
    { 'a.mjs': plugin('a', 2) },
    { BLUEGREEN_PLUGINS: './a.mjs' },
    /^The plugin plugin-a is made for version 2 of bluegreen's ports, and this bluegreen has version 1\. Install/,
  ],
  [
    'has a kind that there is',
    { 'a.mjs': plugin('webhook') },
    { BLUEGREEN_PLUGINS: './a.mjs' },
    /^The plugins bluegreen and plugin-webhook both have a notification of kind "webhook"\. Load only one/,
  ],
  [
    'is in a config without a list',
    { 'bluegreen.config.mjs': 'export default 1;' },
    {},
    /bluegreen\.config\.mjs: found no default export with a list of plugins, expected export default/,
  ],
])('a plugin that %s is refused with one sentence', async (_what, files, env, expected) => {
  for (const [name, text] of Object.entries(files)) await put(name, text);
  const { exitCode, said } = await validate('webhook', env);
  expect(exitCode).toBe(2);
  expect(said).toMatch(expected);
  expect(said.split('\n')).toHaveLength(1);
});

test('a worker refuses to start with a plugin that cannot be loaded', async () => {
  const { exitCode, stderr } = await execa(process.execPath, [process.env['TEST_WORKER'] ?? ''], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BLUEGREEN_PLUGINS: 'no-such-plugin' },
    extendEnv: false,
    reject: false,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('The worker cannot run: The plugin no-such-plugin cannot be loaded');
});

test('the kind of a plugin has its own keys, and its secrets are never shown', () => {
  const pager = notificationKind({
    kind: 'pager',
    summary: 'A pager.',
    secretKeys: ['number'],
    schema: (base) => base.extend({ number: base.shape.kind.meta({}).and(base.shape.kind) }),
    create: () => ({ async notify() {} }),
  });
  const { format } = registryWith([definePlugin({ name: 'pagers', notifications: [pager] })]);
  const text = `${GUIDE_TEXT}\nnotifications: [{ kind: pager, number: "0800 12345" }]\n`;
  expect(() => parseRunbook(text, { file: 'x.yaml', format })).toThrow(/notifications\[0\]\.number: found other text/);
});
