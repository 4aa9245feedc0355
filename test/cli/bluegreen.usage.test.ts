import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { execa } from 'execa';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { GUIDE_FILE, guideWith } from '../runbook/support.ts';
import { format } from '../support/registry.ts';
import { uniqueService } from '../support/temporal.ts';
import { useCommandLine } from './command-line.ts';

const bluegreen = useCommandLine();
const program = await createProgram();

/** Every command, its name as a person types it; said is what it prints about itself. */
function commands(): readonly { readonly name: string; readonly command: Command; readonly said: () => string }[] {
  return program.commands.flatMap((command) => {
    const parts = command.commands.length > 0 ? command.commands : [command];
    return parts.map((part) => ({
      name: part === command ? part.name() : `${command.name()} ${part.name()}`,
      command: part,
      said: () => {
        let text = '';
        part.configureOutput({ writeOut: (more) => (text += more) }).outputHelp();
        return text;
      },
    }));
  });
}

test('--help lists every command and what each exit code means', async () => {
  const { exitCode, out } = await bluegreen(['--help']).ended;
  expect(exitCode).toBe(EXIT.ok);
  const listed = [...out.matchAll(/^ {2}([a-z]\S*) .*$/gm)].map(([, name]) => name);
  expect(listed).toEqual([...new Set(commands().map(({ name }) => name.split(' ')[0])), 'help']);
  for (const code of Object.values(EXIT)) expect(out).toMatch(new RegExp(`^ {2}${code} +\\w`, 'm'));
});

test.each(['--version', '-V'])('%s names the version of bluegreen and of Node.js', async (option) => {
  const { exitCode, out } = await bluegreen([option]).ended;
  expect(out).toMatch(/^bluegreen \d+\.\d+\.\d+ \(Node\.js \d+\.\d+\.\d+\)\n$/);
  expect(exitCode).toBe(EXIT.ok);
});

test('the help of a command as people ask for it ends with its example', async () => {
  const { exitCode, out } = await bluegreen(['retry-rollback', '--help']).ended;
  expect(exitCode).toBe(EXIT.ok);
  expect(out).toMatch(/\nExample:\n {2}npm run bluegreen -- retry-rollback --service recommendation\n$/);
});

test('what has an npm script of its own prints itself as that in its help', async () => {
  const [script, command] = await Promise.all([
    bluegreen(['demo', '--help'], { npm_lifecycle_event: 'demo' }).ended,
    bluegreen(['demo', '--help']).ended,
  ]);
  expect(script.out).toMatch(/^Usage: npm run demo -- \[options\]\n/);
  expect(script.out).toMatch(/\nExample:\n {2}npm run demo -- --fault bad-release --yes\n$/);
  expect(command.out).toMatch(/^Usage: npm run bluegreen -- demo \[options\]\n/);
});

test.each(commands())('the help of "$name" names an example, and it is one that the command takes', async (one) => {
  const [, ...examples] = one.said().split(/^ {2}bluegreen /m);
  expect(examples).not.toEqual([]);
  for (const example of examples) {
    const [typed = ''] = example.split(/ [|<] |\n/);
    expect(typed.startsWith(one.name)).toBe(true);
    const words = typed.slice(one.name.length).match(/"[^"]*"|\S+/g) ?? [];
    let ran = false;
    one.command.action(() => {
      ran = true;
    });
    await one.command.parseAsync(words, { from: 'user' });
    expect(ran).toBe(true);
  }
});

test.each<[string, readonly string[], string]>([
  ['a command that does not exist', ['fly'], "unknown command 'fly'"],
  ['an option that does not exist', ['status', '--service', 'shop', '--colour'], "unknown option '--colour'"],
  ['no service', ['approve'], "required option '--service <name>' not specified"],
  ['a mistyped option', ['approve', '--servce', 'shop'], "error: unknown option '--servce'"],
  ['a service that cannot be one', ['watch', '--service', '../Shop'], 'Expected letters, digits and . _ - /'],
  ['a waiver without its reason', ['waive', '--service', 'shop', '--check', 'x'], "'--reason <text>' not specified"],
  ['a number out of range', ['list', '--limit', '0'], 'Expected a whole number from 1 to 1000'],
  [
    'a watch without a wait',
    ['start', '--service', 'shop', '--version', '2', '--watch', '--no-wait'],
    'cannot be used with',
  ],
  ['a phase that there is not', ['list', '--phase', 'sleeping'], 'Allowed choices are resolving, held, checking'],
  [
    'a version that could be an option',
    ['start', '--service', 'shop', '--version', '-x'],
    'version: found "-x", expected',
  ],
  ['a report in a form that there is not', ['report', '--service', 'shop', '--format', 'pdf'], 'Allowed choices are'],
  ['a decision by nobody', ['approve', '--service', 'shop', '--by', ' '], 'by is " ", expected a text'],
])('%s is bad input, said in words before Temporal is asked', async (_, words, why) => {
  const { exitCode, out, err } = await bluegreen(words, { TEMPORAL_ADDRESS: '127.0.0.1:9' }).ended;
  expect(err).toContain(why);
  expect(out).toBe('');
  expect(exitCode).toBe(EXIT.usage);
});

test('a server that cannot be reached is said in words, with what to do', async () => {
  const { exitCode, err } = await bluegreen(['status', '--service', 'shop'], { TEMPORAL_ADDRESS: '127.0.0.1:9' }).ended;
  expect(err).toMatch(
    /^The Temporal server at 127\.0\.0\.1:9 cannot be reached: .*Start a local one with "npm run temporal"/,
  );
  expect(exitCode).toBe(EXIT.unreachable);
});

test('link fills in the form of the UI and says what it cannot, also when no server is there', async () => {
  const words = ['link', '--service', 'shop', '--version', '2.5.0', '--by', 'ana', '--environment', 'staging'];
  const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:9', TEMPORAL_NAMESPACE: 'releases', BLUEGREEN_TASK_QUEUE: 'green' };
  const [link, wrong] = await Promise.all([
    bluegreen(words, { ...nowhere, TEMPORAL_UI_ADDRESS: 'https://example.com/temporal/' }).ended,
    bluegreen([...words, '--ui', 'localhost:8233'], nowhere).ended,
  ]);
  const [, form = '', input = '', deployment = ''] = link.out.split(/^\S.*:$/m).map((lines) => lines.trim());
  const url = new URL(form);
  expect(url.origin + url.pathname).toBe('https://example.com/temporal/namespaces/releases/workflows/start-workflow');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    workflowId: 'blue-green/staging/shop',
    taskQueue: 'green',
    workflowType: 'blueGreenDeployment',
    runId: 'none',
  });
  expect(deployment).toBe('https://example.com/temporal/namespaces/releases/workflows/blue-green%2Fstaging%2Fshop');
  expect(JSON.parse(input)).toEqual({ service: 'shop', version: '2.5.0', environment: 'staging', requestedBy: 'ana' });
  expect(link.err).toMatch(
    /^It is not known whether a deployment is under way\. The Temporal server at .* cannot be reached/,
  );
  expect(link.exitCode).toBe(EXIT.ok);
  expect(wrong).toMatchObject({ exitCode: EXIT.usage, out: '' });
  expect(wrong.err).toMatch(/^The address of the UI is "localhost:8233", expected an http or https URL/);
});

test('completion bash gives a shell the command, and completes commands, options and files', async () => {
  const { out, exitCode } = await bluegreen(['completion', 'bash']).ended;
  expect(exitCode).toBe(EXIT.ok);
  const completed = async (...words: readonly string[]): Promise<string[]> => {
    const ask = `COMP_WORDS=(bluegreen "$@"); COMP_CWORD=$#; _bluegreen; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await execa('bash', ['-uc', `${out}\n${ask}`, 'bash', ...words]);
    return stdout.split('\n').filter((word) => word !== '');
  };
  expect(await completed('re')).toEqual(['reject', 'recheck', 'retry-rollback', 'report', 'rehearse']);
  expect(await completed('runbook', '')).toEqual(['init', 'validate', 'show', 'schema']);
  expect(await completed('runbook', 'validate', '')).toEqual([]);
  expect(await completed('status', '--')).toEqual([
    '--run',
    '--json',
    '--service',
    '--environment',
    '--train',
    '--help',
  ]);
  expect(await completed('status', '--service', '')).toEqual([]);
  expect(await completed('completion', 'b')).toEqual(['bash']);
  const { stdout } = await execa('bash', ['-c', `${out}\nbluegreen judge --help`]);
  expect(stdout).toContain('bluegreen judge < soaks.jsonl');
});

test('settings that cannot be used, and a namespace that is not there, are told apart', async () => {
  const [profile, namespace] = await Promise.all([
    bluegreen(['list'], { TEMPORAL_PROFILE: 'nobodys' }).ended,
    bluegreen(['status', '--service', 'shop'], { TEMPORAL_NAMESPACE: 'nowhere' }).ended,
  ]);
  expect(profile.err).toMatch(/^The Temporal settings are invalid: .*Check TEMPORAL_PROFILE/);
  expect(profile.exitCode).toBe(EXIT.usage);
  expect(namespace.err).toMatch(/namespace "?nowhere"?.*TEMPORAL_NAMESPACE/);
  expect(namespace.exitCode).toBe(EXIT.notFound);
});

test('a service that was never deployed is not found: looked at, decided or listed', async () => {
  const service = uniqueService();
  const [status, approve, list] = await Promise.all([
    bluegreen(['status', '--service', service, '--environment', 'staging']).ended,
    bluegreen(['approve', '--service', service]).ended,
    bluegreen(['list', '--service', "it's \\ nobody's"]).ended,
  ]);
  expect(status.err).toBe(
    `There is no deployment of ${service} in staging (workflow blue-green/staging/${service}). ` +
      'List the deployments: npm run bluegreen -- list\n',
  );
  expect(status.exitCode).toBe(EXIT.notFound);
  expect(approve.exitCode).toBe(EXIT.notFound);
  expect(list).toEqual({
    exitCode: EXIT.ok,
    out: 'No deployments. Start one: npm run bluegreen -- start --service NAME --version VERSION\n',
    err: '',
  });
});

test('runbook show prints a runbook with what it extends, which validate takes for no runbook of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-show-'));
  try {
    const [base, file] = [join(folder, 'base.yaml'), join(folder, 'shop.yaml')];
    await writeFile(base, guideWith(['service: recommendation', 'x: 1']).replace(/^x: 1$/m, ''));
    await writeFile(file, 'extends: base.yaml\nservice: shop\nlimits: { errorRate: 2% }\n');
    const [shown, validated, broken] = await Promise.all([
      bluegreen(['runbook', 'show', file]).ended,
      bluegreen(['runbook', 'validate', base, file]).ended,
      bluegreen(['runbook', 'show', base]).ended,
    ]);
    expect(shown).toMatchObject({ exitCode: EXIT.ok, err: '' });
    expect(shown.out).toMatch(new RegExp(`^# ${file}, which extends ${base}\n# digest: [0-9a-f]{64}\n`));
    expect(shown.out).not.toMatch(/^extends/m);
    const { limits, service } = parseRunbook(shown.out, { file, format });
    expect([service, limits.errorRate]).toEqual(['shop', 0.02]);
    expect(validated).toMatchObject({
      exitCode: EXIT.ok,
      out: expect.stringContaining(
        `${base}: ok: no runbook, only a base for others (it has no service)\n${file}: ok: shop in`,
      ),
    });
    expect(broken).toMatchObject({ exitCode: EXIT.usage, err: expect.stringContaining('service: missing') });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('runbook validate says what is good, and of what is not the file, place, found and expected', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-validate-'));
  try {
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, guideWith(['soak: 10m', 'soak: 10 minutes'], ['errorRate: 5%', 'errorRates: 5%']));
    const none = join(folder, 'none.yaml');
    const [good, mixed] = await Promise.all([
      bluegreen(['runbook', 'validate', GUIDE_FILE], { TEMPORAL_ADDRESS: '127.0.0.1:9' }).ended,
      bluegreen(['runbook', 'validate', bad, GUIDE_FILE, none]).ended,
    ]);
    const ok = `${GUIDE_FILE}: ok: recommendation in production; 7 checks (3 critical); 50 % for 10 m, then approval; 100 % for 30 m\n`;
    expect(good).toEqual({ exitCode: EXIT.ok, out: ok, err: '' });

    expect(mixed.out).toBe(ok);
    const complaints = mixed.err.trimEnd().split('\n');
    expect(complaints).toContainEqual(
      expect.stringMatching(/bad\.yaml:\d+:\d+: traffic\[0\]\.soak: found "10 minutes", expected a duration/),
    );
    expect(complaints).toContainEqual(
      expect.stringMatching(/bad\.yaml:\d+:\d+: .*errorRates.*did you mean "errorRate"\?/),
    );
    expect(complaints).toContain(`${none}: there is no such file`);
    expect(mixed.exitCode).toBe(EXIT.usage);

    const doubtful = join(folder, 'doubtful.yaml');
    await writeFile(doubtful, guideWith(['/-/versions/{version}/healthz', '/healthz']));
    const doubted = await bluegreen(['runbook', 'validate', doubtful]).ended;
    expect(doubted).toMatchObject({ exitCode: EXIT.ok, out: expect.stringContaining(': ok: ') });
    expect(doubted.err).toMatch(/doubtful\.yaml: warning: workload\.health has the same address for blue and green/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
