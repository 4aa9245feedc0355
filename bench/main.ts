import type { Fault } from '../sandbox/sandbox.ts';
import { complain, print } from '../scripts/view/output.ts';
import { exactly } from '../scripts/view/words.ts';
import { type Bench, type Measured, openBench } from './deployments.ts';
import { measureJudge } from './judge.ts';
import { measureScale } from './scale.ts';
import { historySizeOf, timelineOf } from './timeline.ts';
import { type Answered, measureCalm, measureSpeed, type Pace } from './watch.ts';

/**
 * `npm run bench [-- PART...]`. Machines differ: what it prints is for comparing within one run, and with the targets.
 * `deployments`, the default: what a deployment costs and how soon a fault is answered, with seconds for the guide's
 * minutes. `judge`: the judge alone, simulated. `speed`: from a fault to blue, many times. `calm`: what must not be rolled
 * back, at full length. `scale`: many deployments that soak at once on one worker.
 */
const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  deployments: benchDeployments,
  judge: benchJudge,
  speed: benchSpeed,
  calm: benchCalm,
  scale: benchScale,
};
const OWN_TARGET_MS = 2_000;
const EVENTS_TARGET = 150;
/** Groups of checks run side by side: the checklist is about as long as its longest check. */
const CHECKLIST_TARGET = 1.2;

const FAULTS: readonly Fault[] = [
  { name: 'bad-release' },
  { name: 'missing-index' },
  { name: 'pool-exhaustion' },
  { name: 'pool-exhaustion', atPercentage: 100, afterMs: 5_000 },
];

const PACES: readonly Pace[] = ['1s', '5s'];
/** From the fault to all traffic on blue, half of the times. */
const SPEED_TARGETS_MS: Readonly<Record<Pace, number>> = { '1s': 8_000, '5s': 15_000 };
const SPEED_RUNS = 10;

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !PARTS[name]);
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}, there are ${Object.keys(PARTS).join(', ')}`);
  for (const name of names.length > 0 ? names : ['deployments']) await PARTS[name]?.();
}

async function benchJudge(): Promise<void> {
  print('The judge alone, simulated (0.1 % to 20 % errors, 20 requests a second, half of them on green):');
  print(row('fresh data every', 'found after', 'nine of ten', 'state', 'per interval'));
  for (const { pollMs, foundAfterMs, stateBytes, microsecondsPerInterval } of measureJudge())
    print(
      row(
        exactly(pollMs),
        exactly(foundAfterMs.median),
        exactly(foundAfterMs.p90),
        `${(stateBytes / 1_000).toFixed(1)} KB`,
        `${(microsecondsPerInterval / 1_000).toFixed(2)} ms`,
      ),
    );
}

async function benchSpeed(): Promise<void> {
  for (const pace of PACES) {
    print(`From 0.1 % to 20 % errors of green, 20 requests a second, metrics read every ${pace}:`);
    const answers = await measureSpeed(pace, SPEED_RUNS, print);
    const median = (pick: (answer: Answered) => number) => middle(answers.map(pick));
    const restored = median(({ restoredMs }) => restoredMs);
    const target = SPEED_TARGETS_MS[pace];
    print(row('detected', 'restored', 'at worst', `target: ${exactly(target)}`));
    print(
      row(
        exactly(median(({ detectedMs }) => detectedMs)),
        exactly(restored),
        exactly(Math.max(...answers.map(({ restoredMs }) => restoredMs))),
        restored <= target ? 'kept' : 'MISSED',
      ),
    );
  }
}

async function benchCalm(): Promise<void> {
  for (const pace of PACES) {
    print(`What must not be rolled back; metrics from Prometheus, asked every ${pace}:`);
    for (const { what, phase, extendedMs, why } of await measureCalm(pace, print))
      print(
        row(
          what.padEnd(50),
          `extended by ${exactly(extendedMs)}`,
          phase === 'awaiting-approval' ? 'kept' : `MISSED: ${phase}: ${why}`,
        ),
      );
  }
}

async function benchScale(): Promise<void> {
  print('Deployments that soak at once on one worker, polled every 5 s:');
  const results = await measureScale([1, 10, 100, 500], print);
  print(row('deployments', 'memory', 'CPU of one core', 'polls late, median', '99 of 100', 'reaction'));
  for (const { deployments, megabytes, cpuShare, pollLateMs, reactionMs } of results)
    print(
      row(
        String(deployments),
        `${megabytes.toFixed(0)} MB`,
        `${(100 * cpuShare).toFixed(0)} %`,
        `${pollLateMs.median} ms`,
        `${pollLateMs.p99} ms`,
        exactly(reactionMs),
      ),
    );
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

async function benchDeployments(): Promise<void> {
  print('Starting the sandbox, a Temporal server and a worker ...');
  const bench = await openBench(print);
  try {
    await measureFaults(bench);
    await measureHealthy(bench);
  } finally {
    await bench.stop();
  }
}

async function measureFaults(bench: Bench): Promise<void> {
  print('\nFrom a fault to blue (judged by evidence, polled every second):');
  print(row('fault', 'green has', 'breach detected', 'traffic restored', 'blue healthy', 'recovery time'));
  for (const fault of FAULTS) {
    const { report, struckAt } = await bench.deploy(fault);
    const { rollback } = report;
    if (report.outcome !== 'rolled-back' || !rollback?.restored || !rollback.recovered || struckAt === undefined)
      throw new Error(`${fault.name} was not rolled back but ${report.outcome}: ${report.summary}`);
    const since = (at: number): string => `after ${exactly(at - struckAt)}`;
    print(
      row(
        fault.name,
        `${fault.atPercentage ?? 50} %`,
        since(rollback.detectedAt),
        since(rollback.restored.restoredAt),
        since(rollback.recovered.healthyAt),
        `${exactly(rollback.recoveryMs ?? 0)} of ${exactly(rollback.targetMs)}`,
      ),
    );
  }
}

async function measureHealthy(bench: Bench): Promise<void> {
  const measured: Measured = await bench.deploy();
  const { report } = measured;
  if (report.outcome !== 'completed') throw new Error(`The healthy release was ${report.outcome}: ${report.summary}`);
  const { total, soaks, checklist, longestCheck, provenAgain, commands, own } = await timelineOf(measured);
  print('\nA healthy deployment, soaks of 10 s and 30 s:');
  print(row('total', 'soaks', 'checklist', 'proven again', 'commands', 'own', `target: ${exactly(OWN_TARGET_MS)}`));
  print(
    row(...[total, soaks, checklist, provenAgain, commands, own].map(exactly), own < OWN_TARGET_MS ? 'kept' : 'MISSED'),
  );

  const ratio = checklist / longestCheck.ms;
  print('\nIts checklist, beside the check that takes longest (with its remedy, if it has one):');
  print(row('checklist', 'longest check', 'which', 'ratio', `target: ${CHECKLIST_TARGET}`));
  print(
    row(
      exactly(checklist),
      exactly(longestCheck.ms),
      longestCheck.id,
      ratio.toFixed(2),
      ratio <= CHECKLIST_TARGET ? 'kept' : 'MISSED',
    ),
  );

  const { events, checkEvents, bytes, jsonBytes } = await historySizeOf(measured);
  const windows = report.steps.map((step) => step.windows.length).join(' + ');
  print("\nIts history, with as many windows as the guide's 10 and 30 minutes have:");
  print(row('events', 'of the checks', 'bytes', 'as JSON', 'windows', `target: ${EVENTS_TARGET} others`));
  print(
    row(
      String(events),
      String(checkEvents),
      String(bytes),
      String(jsonBytes),
      windows,
      events - checkEvents <= EVENTS_TARGET ? 'kept' : 'MISSED',
    ),
  );
}

function row(...cells: readonly string[]): string {
  return cells
    .map((cell) => cell.padEnd(18))
    .join('')
    .trimEnd();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  complain(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
process.exit(); // a connection may still wait for something
