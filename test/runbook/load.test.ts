import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadRunbook, parseRunbook } from '../../src/runbook/load.ts';
import { RunbookError } from '../../src/runbook/yaml-file.ts';
import { format } from '../support/registry.ts';
import { GUIDE_FILE, GUIDE_TEXT, guideWith } from './support.ts';

/** The lines of what is wrong with this text. */
function problemsOf(text: string): readonly string[] {
  try {
    parseRunbook(text, { file: 'x.yaml', format });
  } catch (error) {
    if (error instanceof RunbookError) return error.problems;
    throw error;
  }
  return [];
}

describe('a runbook with mistakes', () => {
  test('lists all of them with file, line, place, found and expected', () => {
    const text = guideWith(
      ['errorRate: 5%', 'errorRate: 5'],
      ['soak: 10m', 'soack: 10m'],
      ['kind: scrape', 'kind: prometeus'],
      ['percentage: 100', 'percentage: 1000'],
    );
    expect(problemsOf(text).map((line) => line.replace(/:\d+:\d+/, ':L:C'))).toEqual([
      'x.yaml:L:C: metrics.kind: found "prometeus", expected scrape or prometheus or command',
      'x.yaml:L:C: limits.errorRate: found 5, expected a share such as 5% or 0.5%',
      'x.yaml:L:C: traffic[0].soak: missing, expected a duration such as 90s, 10m or 4h',
      'x.yaml:L:C: traffic[0].soack: unknown key "soack", did you mean "soak"?',
      'x.yaml:L:C: traffic[1].percentage: found 1000, expected at most 100',
    ]);
    const line = text.split('\n').findIndex((row) => row.includes('errorRate')) + 1;
    expect(problemsOf(text)[1]).toContain(`x.yaml:${line}:14: `);
  });

  test('lists what does not fit together with what is wrong by itself, in the order of the file', () => {
    const text = guideWith(
      ['errorRate: 5%', 'errorRate: 5'],
      ['percentage: 100', 'percentage: 40'],
      ['kind: postgres-indexes\n    database: main', 'kind: postgres-indexes\n    database: mian'],
    );
    expect(problemsOf(text).map((line) => line.replace(/^x\.yaml:\d+:\d+: /, ''))).toEqual([
      'limits.errorRate: found 5, expected a share such as 5% or 0.5%',
      'traffic: the last step has 40, expected 100: all traffic on green',
      'traffic[1].percentage: found 40, expected more than the step before (50)',
      'checklist[1].database: found "mian", expected one of databases: main, staging',
    ]);
  });

  test('does not hide a mistake behind one in another entry of the list', () => {
    const text = guideWith(
      ['kind: postgres-indexes\n    database: main', 'kind: postgres-indexes\n    database: mian'],
      ['role: recommendation # as which', 'rol: recommendation # as which'],
    );
    expect(problemsOf(text).map((line) => line.replace(/^x\.yaml:\d+:\d+: /, ''))).toEqual([
      expect.stringMatching(/^checklist\[0\]\.role: missing/),
      expect.stringMatching(/^checklist\[0\]\.rol: unknown key/),
      'checklist[1].database: found "mian", expected one of databases: main, staging',
    ]);
  });

  test('takes no built-in of JavaScript for an old name', () => {
    const text = guideWith(['judge: { rule: sequential,', 'constructor: 1\njudge: { rule: constructor,']);
    for (const line of problemsOf(text)) expect(line).not.toMatch(/instead|function/);
    expect(problemsOf(text)).toHaveLength(2);
  });

  test('names the new name of what was called otherwise', () => {
    const old = guideWith([
      'judge: { rule: sequential, burstTolerance: 5s,',
      'watch: { blind: 2m }\njudge: { rule: literal, patience: 5s, maxBlind: 1m, maxHold: 1m, routeGrace: 1m,',
    ]);
    expect(problemsOf(old).map((line) => line.replace(/^x\.yaml:\d+:\d+: /, ''))).toEqual([
      'watch.blind: unknown key "blind", use "maxUnwatched" instead',
      'judge.rule: found "literal", expected sequential or threshold: use "threshold" instead',
      'judge.patience: unknown key "patience", use "burstTolerance" instead',
      'judge.maxBlind: unknown key "maxBlind", use "maxNoData" instead',
      'judge.maxHold: unknown key "maxHold", use "maxBlueUnhealthy" instead',
      'judge.routeGrace: unknown key "routeGrace", use "trafficGrace" instead',
    ]);
  });

  test('a key that a kind of check had before is answered with the new one', () => {
    const text = guideWith([
      '\nchecklist:\n',
      '\nchecklist:\n  - { id: a, title: A, group: G, kind: prometheus-alerts, url: "http://p", labels: { a: b }, errors: e, latency: l, tokenEnv: T }\n' +
        '  - { id: b, title: B, group: G, kind: http, url: "http://p", tokenEnv: T }\n',
    ]);
    expect(() => parseRunbook(text, { file: 'x.yaml', format })).toThrow(
      /checklist\[0\]\.tokenEnv: unknown key "tokenEnv", use "auth: \{ tokenEnv: NAME \}" instead\n.*checklist\[1\]\.tokenEnv: unknown key "tokenEnv", expected one of/,
    );
  });

  test.each<[string, readonly (readonly [string, string])[], string]>([
    [
      'a misspelt key',
      [['title: Conduct', 'titel: Conduct']],
      'checklist[5].titel: unknown key "titel", did you mean "title"?',
    ],
    [
      'a key that is nothing like any',
      [['recovery:', 'foo: 1\nrecovery:']],
      'foo: unknown key "foo", expected one of extends, service, environment,',
    ],
    [
      'an unknown kind of check',
      [['kind: postgres-pool-size', 'kind: guess']],
      'checklist[2].kind: found "guess", expected postgres-max-connections or',
    ],
    [
      'a placeholder that is never filled',
      [['"{percentage}"', '"{percent}"']],
      'router.shiftTraffic[4]: found the placeholder {percent}, expected one of {service} {version} {percentage}',
    ],
    [
      'a command as one text',
      [['rollback: [rollback, --service, "{service}"]', 'rollback: rollback --service x']],
      'router.rollback: found other text (not shown here), expected a program and its arguments as a list',
    ],
    [
      'traffic that does not rise',
      [['percentage: 100', 'percentage: 50']],
      'traffic[1].percentage: found 50, expected more than the step before (50)',
    ],
    [
      'traffic that never gets to 100',
      [['percentage: 100', 'percentage: 90']],
      'traffic: the last step has 90, expected 100',
    ],
    [
      'an approval without a next step',
      [['soak: 30m', 'soak: 30m, approval: {}']],
      'traffic[1].approval: the last step has no next shift to approve',
    ],
    [
      'two freezes of one name',
      [
        [
          '\ntraffic:',
          '\nfreezes:\n  - { name: c, timeZone: UTC, weekdays: [mon] }\n  - { name: c, timeZone: UTC, weekdays: [fri] }\ntraffic:',
        ],
      ],
      'freezes[1].name: found "c" twice, expected each once',
    ],
    [
      'a group that may override a freeze',
      [['\ntraffic:', '\nonFreeze: { override: [ana, "Group:managers"] }\ntraffic:']],
      'onFreeze.override[1]: found "Group:managers", expected the name of a person: groups count for approvals only, so write the names of the people',
    ],
    ['one id twice', [['id: alerts', 'id: indexes']], 'checklist[4].id: found "indexes" twice, expected each id once'],
    [
      'an unknown database',
      [['database: main', 'database: mian']],
      'checklist[0].database: found "mian", expected one of databases: main',
    ],
    [
      'a console of a pooler that is not named',
      [['role: recommendation # as which the service connects', 'role: shop\n    pooler: { console: bouncer }']],
      'checklist[0].pooler.console: found "bouncer", expected one of databases: main',
    ],
    [
      'a latency limit without a metric',
      [['latency: http_request_duration_seconds', 'codeLabel: code']],
      'metrics.latency: missing, expected the name of a histogram',
    ],
    [
      'a password in a URL',
      [['http://127.0.0.1:18080/metrics', 'http://ana:s3cr3t@h/metrics']],
      'metrics.targets[0]: found other text (not shown here), expected a URL without a user name or password',
    ],
    [
      'a database of a check that is not named',
      [['  staging: { urlEnv: RECOMMENDATION_STAGING_DATABASE_URL }\n', '']],
      'checklist[5].dataVolume[0].database: found "staging", expected one of databases: main',
    ],
    [
      'an id that is taken by another list',
      [['id: green-answers', 'id: indexes']],
      'verifyGreen[0].id: found "indexes" twice, expected each id once',
    ],
    [
      'a remedy that says nothing',
      [['remedy: { create: concurrently, automatic: true }', 'remedy: { automatic: true }']],
      'checklist[1].remedy: found a map, expected { create: concurrently } or { command: [program, ...] }',
    ],
    [
      'indexes and queries both missing',
      [
        [
          'indexes:\n      - { name: interactions_item_created, table: interactions, columns: [item_id, created_at DESC] }\n',
          'indexes: []\n',
        ],
        [/queries:\n(?: {6}.*\n)+/.exec(GUIDE_TEXT)?.[0] ?? '?', 'queries: []\n'],
      ],
      'checklist[1]: found a map, expected indexes or queries',
    ],
    ['a key twice', [['recovery:', 'service: other\nrecovery:']], 'Map keys must be unique'],
    ['a tag', [['target: 90s', 'target: !!js/function 90s']], 'Unresolved tag'],
    ['an unclosed bracket', [['--percentage, "{percentage}"]', '--percentage, "{percentage}"']], 'x.yaml:'],
  ])('is told so: %s', (_what, changes, expected) => {
    expect(problemsOf(guideWith(...changes)).join('\n')).toContain(expected);
  });

  test('never tells what stands where a secret, a command or an address belongs', () => {
    const text = guideWith(
      ['urlEnv: RECOMMENDATION_DATABASE_URL', 'urlEnv: "postgres://ana:s3cr3t@inner/db"'],
      ['deploy: [deploy,', 'deploy: ["", s3cr3t,'],
      ['service: recommendation', 'service: https://s3cr3t.inner'],
      ['target: "http://127.0.0.1:18080/-/staging/{version}"', 'target: "s3cr3t.inner {version}"'],
      ['[set-max-connections,', '["", s3cr3t,'],
    );
    expect(problemsOf(text).length).toBe(5);
    expect(problemsOf(text).join()).not.toMatch(/s3cr3t|inner/);
  });
});

describe('a text made to break the parser', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    'b: &b [*a,*a,*a,*a,*a,*a,*a,*a]',
    'c: &c [*b,*b,*b,*b,*b,*b,*b,*b]',
    'd: [*c,*c,*c,*c,*c,*c,*c]',
  ];
  test.each([
    ['an alias bomb', bomb.join('\n'), 'Excessive alias count'],
    ['brackets without end', '['.repeat(100_000), 'nested too deeply'],
    ['a size without end', `# ${'x'.repeat(300_000)}`, 'more than 256 KB'],
    ['two documents', `${GUIDE_TEXT}\n---\n${GUIDE_TEXT}`, 'multiple documents'],
    ['a key that is a list', '? [a]\n: 1', 'keys must be strings'],
    ['a prototype', `${GUIDE_TEXT}\n"__proto__": { polluted: yes }`, 'unknown key "__proto__"'],
    ['nothing', '', 'found nothing, expected a map'],
    ['control characters', 'service: "\\e[2J\\u202e"', '\\u{202e}'],
  ])('is refused in words: %s', (_what, text, expected) => {
    expect(problemsOf(text).join('\n')).toContain(expected);
    expect({}).not.toHaveProperty('polluted');
  });

  test('is a RunbookError whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => expect(problemsOf(text)).not.toEqual([])));
  });

  test('shows the first problems of many', () => {
    const text = GUIDE_TEXT + Array.from({ length: 100 }, (_, index) => `key${index}: 1\n`).join('');
    expect(() => parseRunbook(text, { file: 'x.yaml', format })).toThrow(/\.\.\. and 80 more$/);
  });
});

describe('a file', () => {
  test('that is well is read', async () => {
    await expect(loadRunbook(GUIDE_FILE, format)).resolves.toMatchObject({ service: 'recommendation' });
  });

  test('that is not there, no file, too large or no text is told so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bluegreen-load-'));
    try {
      await writeFile(join(folder, 'large.yaml'), 'x'.repeat(300_000));
      await writeFile(join(folder, 'bytes.yaml'), Buffer.from([0xff, 0xfe, 0xfd]));
      await expect(loadRunbook(join(folder, 'none.yaml'), format)).rejects.toThrow('none.yaml: there is no such file');
      await expect(loadRunbook(folder, format)).rejects.toThrow('found a folder, expected a file');
      await expect(loadRunbook(join(folder, 'large.yaml'), format)).rejects.toThrow('more than 256 KB');
      await expect(loadRunbook(join(folder, 'bytes.yaml'), format)).rejects.toThrow('not UTF-8 text');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
