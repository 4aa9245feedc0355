import { expect, test } from '@jest/globals';
import { registryWith } from '../../src/built-in.ts';
import { definePlugin, PluginError, z } from '../../src/plugin/index.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { GUIDE_TEXT } from '../runbook/support.ts';

/** A plugin with one router. */
const withRouter = (router: object) =>
  definePlugin({
    name: 'plugin-dns',
    routers: [{ kind: 'dns', summary: 'A test.', schema: (base: unknown) => base, create() {}, ...router } as never],
  });
const load = (...plugins: readonly unknown[]) => registryWith(plugins as never);

test.each<[string, object, string]>([
  [
    'has a name with blanks',
    { kind: 'Bad Kind!' },
    'The plugin plugin-dns has a router with the kind "Bad Kind!", expected',
  ],
  [
    'has no name',
    { kind: undefined },
    'The plugin plugin-dns has a router with the kind undefined, expected lower-case',
  ],
  ['has no schema', { schema: undefined }, 'has no function schema, expected schema: (base) => base.extend({ ... })'],
  ['has no factory', { create: undefined }, 'has no function create, expected one that returns the router'],
  ['has a schema that returns nothing', { schema() {} }, 'is no type of zod 4, expected schema: (base) => base.extend'],
  ['has a schema of another zod', { schema: () => ({ _def: {} }) }, 'is no type of zod 4, expected schema: (base) =>'],
  ['does not extend the base', { schema: () => z.object({ a: z.string() }) }, 'does not have the key kind of the base'],
  [
    'extends only a part of the base',
    { schema: () => z.object({ kind: z.literal('dns') }) },
    'The schema of the router kind "dns" of the plugin plugin-dns does not have the keys of the base (timeout), expected',
  ],
  [
    'has a schema that throws',
    {
      schema() {
        throw new Error('boom');
      },
    },
    'The schema of the router kind "dns" of the plugin plugin-dns cannot be made: boom. Correct the plugin.',
  ],
])('a kind that %s is refused when its plugin is loaded', (_what, router, words) => {
  const loading = () => load(withRouter(router));
  expect(loading).toThrow(PluginError);
  expect(loading).toThrow('plugin-dns');
  expect(loading).toThrow(words);
});

test('a schema may refine and change what it extends', () => {
  const schema = (base: z.ZodObject) => base.extend({ a: z.string() }).refine(() => true);
  expect(() => load(withRouter({ schema }))).not.toThrow();
  expect(() => load(withRouter({ schema: (base: z.ZodObject) => schema(base).transform((all) => all) }))).not.toThrow();
});

test('two plugins of one name, and a plugin without a name, are refused', () => {
  expect(() => load(definePlugin({ name: 'one' }), definePlugin({ name: 'one' }))).toThrow(
    'Two plugins have the name one. Load only one of them, or give one another name.',
  );
  expect(() => load({ portVersion: 1 })).toThrow('A plugin has no name, expected the name of its package');
  expect(() => load({ name: 'one', portVersion: 1, routers: {} })).toThrow(
    'The plugin one has "routers" that is no list, expected a list of kinds.',
  );
});

test.each<[string, () => unknown, string]>([
  [
    'throws',
    () => {
      throw new Error('boom');
    },
    'failed while it looked for problems: boom: correct the plugin',
  ],
  ['returns a text', () => 'a problem', 'returned no list of problems, expected [] or [{ path, message }]: correct'],
  ['returns a problem without a path', () => [{ message: 'm' }], 'returned no list of problems, expected []'],
])('a search for problems that %s is a problem of the runbook', (_what, problems, words) => {
  const { format } = load(withRouter({ problems }));
  const text = GUIDE_TEXT.replace(/^router:\n(?: .*\n)+/m, 'router:\n  kind: dns\n');
  const line = text.split('\n').indexOf('  kind: dns') + 1;
  expect(() => parseRunbook(text, { file: 'x.yaml', format })).toThrow(
    new RegExp(`x\\.yaml:${line}:\\d+: router: the router kind "dns" of the plugin plugin-dns `),
  );
  expect(() => parseRunbook(text, { file: 'x.yaml', format })).toThrow(words);
});

test('a search for problems of a notification that fails names its plugin', () => {
  const problems = () => 'a problem';
  const pager = { kind: 'pager', summary: 'A test.', schema: (base: unknown) => base, create() {}, problems };
  const { format } = load(definePlugin({ name: 'pagers', notifications: [pager as never] }));
  expect(() => parseRunbook(`${GUIDE_TEXT}\nnotifications: [{ kind: pager }]\n`, { file: 'x.yaml', format })).toThrow(
    /x\.yaml: the notification kind "pager" of the plugin pagers returned no list of problems/,
  );
});
