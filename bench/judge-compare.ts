import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { print } from '../src/cli/index.ts';
import { type Judge, type SequentialState, sequentialJudge, sequentialRules } from '../src/judge/index.ts';
import { seeded } from '../test/support/random.ts';
import { requestsIn, type Traffic } from './simulation.ts';
import { markdownRow, quantile } from './table.ts';

/**
 * The judge of this checkout beside that of another revision, on the same simulated soaks: `npm run bench -- compare:REVISION`.
 * A judge is anything with the interface of src/judge/index.ts.
 */

interface JudgeModule {
  readonly sequentialJudge: typeof sequentialJudge;
  readonly sequentialRules: typeof sequentialRules;
}

/** Both versions as they are `t` seconds after the shift. */
interface Setting {
  readonly name: string;
  /** When the fault begins; undefined: a healthy release. */
  readonly faultAt?: number;
  readonly perSecond: number;
  readonly clusters?: number;
  readonly blue: number;
  readonly green: (t: number) => number;
}

interface Pace {
  readonly seconds: number;
  readonly withHistory: boolean;
}

interface Outcome {
  readonly verdict: 'rolled back' | 'passed' | 'undecided';
  readonly at: number;
}

const ROUNDS = 40;
const SOAK_S = 600;
const LONGEST_S = 1_200;
const PACES = [1, 5, 15];
const BURST_AT = 200;
const LATE = 100;

const from = (at: number, usual: number, bad: number) => (t: number) => (t > at ? bad : usual);
const burst = (usual: number) => (t: number) => (t > BURST_AT && t <= BURST_AT + 5 ? 1 : usual);

const SETTINGS: readonly Setting[] = [
  { name: 'healthy: 1 %, five at a time', perSecond: 20, clusters: 5, blue: 0.01, green: () => 0.01 },
  { name: 'healthy: 1 %, twenty at a time', perSecond: 100, clusters: 20, blue: 0.01, green: () => 0.01 },
  { name: 'healthy: 2 %', perSecond: 10, blue: 0.02, green: () => 0.02 },
  {
    name: 'healthy: 0.1 %, one complete failure of 5 s',
    perSecond: 20,
    blue: 0.001,
    green: burst(0.001),
  },
  {
    name: 'healthy: 1 %, one complete failure of 5 s',
    perSecond: 20,
    blue: 0.01,
    green: burst(0.01),
  },
  { name: 'fault: 20 % from the start', faultAt: 0, perSecond: 20, blue: 0.001, green: () => 0.2 },
  { name: 'fault: 0.1 to 20 %', faultAt: LATE, perSecond: 20, blue: 0.001, green: from(LATE, 0.001, 0.2) },
  { name: 'fault: 0.1 to 7 %', faultAt: LATE, perSecond: 20, blue: 0.001, green: from(LATE, 0.001, 0.07) },
  {
    name: 'fault: 1 to 3 %, under the limit',
    faultAt: LATE,
    perSecond: 100,
    blue: 0.01,
    green: from(LATE, 0.01, 0.03),
  },
  {
    name: 'fault: 1 to 2 %, under the limit, five at a time',
    faultAt: LATE,
    perSecond: 100,
    clusters: 5,
    blue: 0.01,
    green: from(LATE, 0.01, 0.02),
  },
];

export async function benchCompare(revision: string): Promise<void> {
  const other = await mkdtemp(join(tmpdir(), 'bluegreen-compare-'));
  const git = (...words: string[]) => promisify(execFile)('git', words);
  await git('worktree', 'add', '--detach', other, revision);
  try {
    await symlink(join(process.cwd(), 'node_modules'), join(other, 'node_modules'));
    const theirs: JudgeModule = await import(join(other, 'src/judge/index.ts'));
    for (const line of comparison({ [revision]: theirs, 'this checkout': { sequentialJudge, sequentialRules } }))
      print(line);
  } finally {
    await git('worktree', 'remove', '--force', other);
    await rm(other, { recursive: true, force: true });
  }
}

function comparison(judges: Readonly<Record<string, JudgeModule>>): string[] {
  const head = ['setting', "blue's history", ...Object.keys(judges)];
  const rows = SETTINGS.flatMap((setting) =>
    [true, false].map((withHistory) => {
      const results = Object.values(judges).map((judge) => resultOf(judge, setting, withHistory));
      return markdownRow(setting.name, withHistory ? 'an hour' : 'none', ...results);
    }),
  );
  return [markdownRow(...head), markdownRow(...head.map(() => '---')), ...rows];
}

/** At each pace `ROUNDS` soaks, the same ones for every judge. */
function resultOf(judge: JudgeModule, setting: Setting, withHistory: boolean): string {
  const outcomes = PACES.flatMap((seconds) =>
    Array.from({ length: ROUNDS }, (_, round) => watch(judge, setting, { seconds, withHistory }, seeded(round + 1))),
  );
  const is = (wanted: Outcome['verdict']) => outcomes.filter(({ verdict }) => verdict === wanted);
  const rolledBack = is('rolled back');
  if (setting.faultAt === undefined) return `${rolledBack.length} of ${outcomes.length} rolled back`;
  const { faultAt } = setting;
  const late = rolledBack.map(({ at }) => at - faultAt);
  return `${rolledBack.length} of ${outcomes.length} found in ${quantile(late, 0.5)} s (90 %: ${quantile(late, 0.9)} s), ${is('passed').length} passed`;
}

function watch(
  { sequentialJudge: judgeOf, sequentialRules: rulesOf }: JudgeModule,
  setting: Setting,
  { seconds, withHistory }: Pace,
  random: () => number,
): Outcome {
  const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
  const judge: Judge<SequentialState> = judgeOf(rulesOf({ limits, pollMs: seconds * 1_000 }));
  const blue: Traffic = { ...setting, perSecond: setting.perSecond / 2, failing: setting.blue };
  const past = { ...blue, perSecond: setting.perSecond };
  const history = withHistory ? Array.from({ length: 60 }, () => requestsIn(60, past, random)) : undefined;
  let state = judge.start(0, { soakMs: SOAK_S * 1_000, greenShare: 0.5, ...(history && { history }) });
  for (let to = seconds; to <= LONGEST_S; to += seconds) {
    state = judge.observe(state, {
      from: (to - seconds) * 1_000,
      to: to * 1_000,
      green: requestsIn(seconds, { ...blue, failing: shareIn(setting, to - seconds, to) }, random),
      blue: requestsIn(seconds, blue, random),
    });
    const { verdict } = judge.judge(state, to * 1_000);
    if (verdict === 'breached') return { verdict: 'rolled back', at: to };
    if (to >= SOAK_S && verdict === 'healthy') return { verdict: 'passed', at: to };
  }
  return { verdict: 'undecided', at: LONGEST_S };
}

/** What fails on average from one second to another. */
function shareIn({ green }: Setting, begin: number, end: number): number {
  const shares = Array.from({ length: end - begin }, (_, second) => green(begin + second + 1));
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
