import { formatDuration, print } from '../src/cli/index.ts';
import type { Fault } from '../src/sandbox/index.ts';
import { type Bench, type Measured, openBench } from './deployments.ts';
import { row } from './table.ts';
import { historySizeOf, timelineOf } from './timeline.ts';

/** What a whole deployment costs and how soon a fault is answered, with seconds for the guide's minutes. */

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

export async function benchDeployments(): Promise<void> {
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
    const since = (at: number): string => `after ${formatDuration(at - struckAt)}`;
    print(
      row(
        fault.name,
        `${fault.atPercentage ?? 50} %`,
        since(rollback.detectedAt),
        since(rollback.restored.restoredAt),
        since(rollback.recovered.healthyAt),
        `${formatDuration(rollback.recoveryMs ?? 0)} of ${formatDuration(rollback.targetMs)}`,
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
  print(
    row('total', 'soaks', 'checklist', 'proven again', 'commands', 'own', `target: ${formatDuration(OWN_TARGET_MS)}`),
  );
  print(
    row(
      ...[total, soaks, checklist, provenAgain, commands, own].map(formatDuration),
      own < OWN_TARGET_MS ? 'kept' : 'MISSED',
    ),
  );

  const ratio = checklist / longestCheck.ms;
  print('\nIts checklist, beside the check that takes longest (with its remedy, if it has one):');
  print(row('checklist', 'longest check', 'which', 'ratio', `target: ${CHECKLIST_TARGET}`));
  print(
    row(
      formatDuration(checklist),
      formatDuration(longestCheck.ms),
      longestCheck.id,
      ratio.toFixed(2),
      ratio <= CHECKLIST_TARGET ? 'kept' : 'MISSED',
    ),
  );

  const { events, checkEvents, bytes, jsonBytes, actions, heartbeats } = await historySizeOf(measured);
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

  print('\nWhat Temporal Cloud would count for it as actions; heartbeats are at most so many, one every two seconds:');
  print(row('actions', 'heartbeats'));
  print(row(String(actions), String(heartbeats)));
}
