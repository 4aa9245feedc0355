import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

const COMMAND = fileURLToPath(new URL('../../src/cli/commands/judge.ts', import.meta.url));
const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** The command alone, as a process of its own; it says which modules it loaded if asked. */
async function judge(lines: readonly string[], ...words: readonly string[]) {
  const program = `
    import { Command } from 'commander';
    import { addJudge } from ${JSON.stringify(pathToFileURL(COMMAND).href)};
    const program = new Command('x').exitOverride();
    addJudge(program.command('judge'));
    try { await program.parseAsync(${JSON.stringify(['judge', ...words])}, { from: 'user' }); } catch { process.exitCode = 2; }
  `;
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', program],
    { cwd: FOLDER, input: lines.join('\n'), reject: false },
  );
  return { exitCode, verdicts: stdout === '' ? [] : stdout.split('\n').map((line) => JSON.parse(line)), stderr };
}

interface Recorded {
  readonly t: number;
  readonly [field: string]: unknown;
}

function soak(name: string, interval: (t: number) => object, more: object = {}): string {
  const intervals = Array.from({ length: 40 }, (_, index): Recorded => {
    const t = (index + 1) * 15;
    return { t, ng: 150, xg: 0, nb: 150, xb: 0, ...interval(t) };
  });
  return JSON.stringify({
    soak: name,
    metric: 'error',
    limit: { share: 0.05 },
    share: 0.5,
    pollSeconds: 15,
    scrapeSeconds: 15,
    soakSeconds: 600,
    maxSoakSeconds: 1_800,
    pods: { green: 2, blue: 2 },
    intervals,
    ...more,
  });
}

const good = soak('good', () => ({}));
const bad = soak('bad', (t) => (t > 300 ? { xg: 75 } : {}));
const blind = soak('blind', (t) => (t > 300 ? { kind: 'outage', ng: null, xg: null, nb: null, xb: null } : {}));

test('one verdict per line, in order, at the first interval that decides', async () => {
  const { exitCode, verdicts } = await judge([good, bad, blind]);
  expect(exitCode).toBe(0);
  expect(verdicts).toMatchObject([
    { soak: 'good', verdict: 'pass', at: 600 },
    { soak: 'bad', verdict: 'rollback', at: 330, code: 'limit-exceeded' },
    { soak: 'blind', verdict: 'hold', at: 600, code: 'no-metrics' },
  ]);
  expect(verdicts[1].reason).toMatch(/green failed 150 of 300 requests \(50 %\) in 30 s/);
});

test('latency is judged as latency', async () => {
  const slow = soak('slow', () => ({ xg: 75 }), { metric: 'latency', limit: { share: 0.05, seconds: 0.5 } });
  const { verdicts } = await judge([slow]);
  expect(verdicts[0]).toMatchObject({ verdict: 'rollback', at: 30 });
  expect(verdicts[0].reason).toMatch(
    /^green took longer than 500 ms for 150 of 300 requests \(50 %\) in 30 s; the limit is 5 %/,
  );
});

test('lines that are no soaks are named by number, the others keep their verdicts, and the exit code is 2', async () => {
  const late = soak('late', (t) => (t === 30 ? { t: 15 } : {}));
  const { exitCode, verdicts, stderr } = await judge(['{', good, '', '{"soak":"a"}', late, bad]);
  expect(exitCode).toBe(2);
  expect(verdicts.map((verdict) => verdict.soak)).toEqual(['good', 'bad']);
  expect(stderr).toMatch(/^Line 1: invalid soak record: /m);
  expect(stderr).toMatch(/^Line 4: invalid soak record: metric: /m);
  expect(stderr).toMatch(
    /^Line 5: invalid soak record: intervals\.1\.t: found 15, expected more than the end of the interval before \(15\)$/m,
  );
});

test('no soaks, no verdicts', async () => {
  expect(await judge([])).toEqual({ exitCode: 0, verdicts: [], stderr: '' });
});

test('patience and confidence can be tried out, and must make sense', async () => {
  const weak = soak('weak', () => ({ xg: 4 }));
  const [sure, unsure] = await Promise.all([
    judge([weak], '--confidence', '0.9999'),
    judge([weak], '--confidence', '0.9'),
  ]);
  expect(sure.verdicts[0].at).toBeGreaterThan(unsure.verdicts[0].at);
  expect(await judge([good], '--burst-tolerance', 'long')).toMatchObject({ exitCode: 2, verdicts: [] });
});
