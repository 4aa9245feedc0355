import { formatDuration, print } from '../src/cli/index.ts';
import { WITHOUT_CHECKLIST } from '../src/demo/index.ts';
import type { Fault } from '../src/sandbox/index.ts';
import { type Measured, openBench } from './deployments.ts';
import { kept, median, row } from './table.ts';

/** From each fault to blue, many times: whose part took how long. */

const RUNS = 20;
const FAULTS: readonly Fault[] = [
  { name: 'bad-release' },
  { name: 'missing-index' },
  { name: 'pool-exhaustion' },
  { name: 'slow-rollback' },
];
/** Of the orchestration, in the median: from the breach to the start of the platform's command. */
const OWN_TARGET_MS = 1_000;

interface Parts {
  /** From the fault to the breach; from that to the command; the command and its read-back; then to blue's proof. */
  readonly judge: number;
  readonly orchestration: number;
  readonly platform: number;
  readonly proof: number;
  /** From the breach to the proof, as the report has it. */
  readonly recovery: number;
  readonly target: number;
}

export async function benchRecovery(): Promise<void> {
  const sandbox = { withoutPitfalls: true, staging: false, monitoring: false };
  const bench = await openBench(print, { changes: WITHOUT_CHECKLIST, sandbox });
  try {
    print(`From a fault to blue, ${RUNS} times each; median (at worst):`);
    print(row('fault', 'to the breach', 'to the command', 'command', 'blue proven', 'recovery time', 'own part'));
    for (const fault of FAULTS) {
      const runs: Parts[] = [];
      for (let run = 0; run < RUNS; run += 1) runs.push(partsOf(await bench.deploy(fault)));
      const cell = (pick: (parts: Parts) => number): string =>
        `${formatDuration(median(runs.map(pick)))} (${formatDuration(Math.max(...runs.map(pick)))})`;
      const own = median(runs.map(({ orchestration }) => orchestration));
      print(
        row(
          fault.name,
          cell(({ judge }) => judge),
          cell(({ orchestration }) => orchestration),
          cell(({ platform }) => platform),
          cell(({ proof }) => proof),
          `${cell(({ recovery }) => recovery)} of ${formatDuration(runs[0]?.target ?? 0)}`,
          kept(own <= OWN_TARGET_MS),
        ),
      );
    }
  } finally {
    await bench.stop();
  }
}

function partsOf({ report, struckAt }: Measured): Parts {
  const { rollback } = report;
  if (!rollback?.restored || !rollback.recovered || struckAt === undefined)
    throw new Error(`it was not rolled back but ${report.outcome}: ${report.summary}`);
  const { detectedAt, restored, recovered, recoveryMs = Number.NaN, targetMs } = rollback;
  return {
    judge: detectedAt - struckAt,
    orchestration: restored.startedAt - detectedAt,
    platform: restored.restoredAt - restored.startedAt,
    proof: recovered.healthyAt - restored.restoredAt,
    recovery: recoveryMs,
    target: targetMs,
  };
}
