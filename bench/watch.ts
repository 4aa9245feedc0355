import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import {
  type DeploymentHandle,
  formatDuration,
  newDecision,
  outcomeOf,
  pollSnapshots,
  print,
  sendDecision,
  startOrExplain,
} from '../src/cli/index.ts';
import { type Change, WITHOUT_CHECKLIST } from '../src/demo/index.ts';
import type { DeploymentReport, DeploymentStatus, Phase } from '../src/domain/index.ts';
import type { ServiceFault } from '../src/sandbox/index.ts';
import { type Bench, openBench, REQUEST } from './deployments.ts';
import { kept, median, row } from './table.ts';

/** The watch in the sandbox: how soon it answers a fault, and what it must bear. 20 requests a second, half of them on green. */

const [BLUE, GREEN] = ['2.4.0', '2.5.0'];
const USUAL: ServiceFault = { failingShare: 0.001 };
const PACES: readonly Pace[] = ['1s', '5s'];
const BAD: ServiceFault = { failingShare: 0.2 };
const SPEED_RUNS = 8;

/** When green begins to fail, and how soon half of the times all traffic is to be on blue. */
const FAULTS: readonly Fault[] = [
  { what: 'from its first request', targetsMs: { '1s': 7_000, '5s': 12_000 } },
  { what: '40 to 60 s after the shift', afterMs: [40_000, 60_000], targetsMs: { '1s': 7_500, '5s': 13_000 } },
];

interface Fault {
  readonly what: string;
  readonly afterMs?: readonly [least: number, most: number];
  readonly targetsMs: Readonly<Record<Pace, number>>;
}

type Pace = '1s' | '5s';

function soaksOf(soak: string, poll: Pace): Change[] {
  return [
    ...WITHOUT_CHECKLIST,
    [['traffic', 0, 'soak'], soak],
    [['traffic', 0, 'approval', 'timeout'], '1h'],
    [['metrics', 'poll'], poll],
    [['watch'], { window: '1m', gateWindow: '1m', maxSoakFactor: 10 }],
    [['judge'], { rule: 'sequential' }],
  ];
}

function openWatch(notice: (line: string) => void, changes: readonly Change[], viaPrometheus: boolean): Promise<Bench> {
  const sandbox = { withoutPitfalls: true, staging: false, monitoring: viaPrometheus, rows: 20_000 };
  return openBench(notice, { changes, viaPrometheus, requestsPerSecond: 20, sandbox });
}

/** From a fault of green, each time in milliseconds. */
interface Answered {
  /** To the verdict. */
  readonly detectedMs: number;
  /** To the moment when the router gives all to blue. */
  readonly restoredMs: number;
  /** To the end of the rollback command, which stops green as well, and of the read-back: only then it is believed. */
  readonly provenMs: number;
}

/** The router is looked at so often. */
const LOOK_MS = 10;

/** Green fails a fifth of its requests, `runs` times, with the router's page read at this pace. */
async function measureSpeed(
  { afterMs }: Fault,
  { poll, runs }: { readonly poll: Pace; readonly runs: number },
  notice: (line: string) => void,
): Promise<Answered[]> {
  const bench = await openWatch(notice, soaksOf('10m', poll), false);
  try {
    const answers: Answered[] = [];
    for (let run = 1; run <= runs; run += 1) {
      const soak = await beginSoak(bench, afterMs ? USUAL : BAD);
      let at = soak.shiftedAt;
      if (afterMs) {
        const [least, most] = afterMs;
        await delay(least + Math.random() * (most - least));
        at = Date.now();
        await bench.parts.sandbox.disturb(GREEN, BAD);
      }
      const [restoredAt, { detectedAt, restored }] = await Promise.all([allOnBlue(bench), soak.rollback()]);
      if (!restored) throw new Error('it was rolled back, and nothing restored');
      const answer = {
        detectedMs: detectedAt - at,
        restoredMs: restoredAt - at,
        provenMs: restored.restoredAt - at,
      };
      notice(`  run ${run} of ${runs}: ${answerWords(answer)}`);
      answers.push(answer);
    }
    return answers;
  } finally {
    await bench.stop();
  }
}

async function allOnBlue({ parts: { sandbox } }: Bench): Promise<number> {
  while (sandbox.traffic()[BLUE] !== 100) await delay(LOOK_MS);
  return Date.now();
}

function answerWords({ detectedMs, restoredMs, provenMs }: Answered): string {
  const [detected, restored, proven] = [detectedMs, restoredMs, provenMs].map((ms) => `${(ms / 1_000).toFixed(1)} s`);
  return `detected after ${detected}, traffic on blue after ${restored}, read back after ${proven}`;
}

/** What must not be rolled back, with the metrics from Prometheus. */
const CALM: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'Prometheus away for 90 s': async ({ parts: { sandbox } }) => {
    await sandbox.pauseMonitoring();
    await delay(90_000);
    await sandbox.resumeMonitoring();
  },
  'no traffic for 2 minutes': async ({ parts: { sandbox } }) => {
    await sandbox.setRate(0);
    await delay(120_000);
    await sandbox.setRate(20);
  },
  'both versions at 8 % errors for 2 minutes': async ({ parts: { sandbox } }) => {
    for (const version of [BLUE, GREEN]) await sandbox.disturb(version, { failingShare: 0.08 });
    await delay(120_000);
    for (const version of [BLUE, GREEN]) await sandbox.disturb(version, USUAL);
  },
  ...Object.fromEntries(
    ['first', 'second', 'third', 'fourth', 'fifth'].map((time) => [
      `green failing wholly for 5 s, the ${time} time`,
      async ({ parts: { sandbox } }: Bench) => {
        await sandbox.disturb(GREEN, { failingShare: 1 });
        await delay(5_000);
        await sandbox.disturb(GREEN, USUAL);
      },
    ]),
  ),
};

/** How each ended: the phase after the soak, and by how much it was extended. */
async function measureCalm(
  poll: Pace,
  notice: (line: string) => void,
): Promise<{ readonly what: string; readonly phase: Phase; readonly extendedMs: number; readonly why: string }[]> {
  const bench = await openWatch(notice, soaksOf('1m', poll), true);
  try {
    const results = [];
    for (const [what, disturb] of Object.entries(CALM)) {
      const soak = await beginSoak(bench);
      const planned = soak.status().steps[0]?.soakUntil ?? 0;
      await delay(20_000);
      await disturb(bench);
      const { phase, steps, rollback } = await soak.until(({ phase: now }) => now !== 'soaking');
      const extendedMs = (steps[0]?.soakUntil ?? 0) - planned;
      results.push({ what, phase, extendedMs, why: rollback?.reason ?? '' });
      notice(`  ${what}: ${phase}, extended by ${(extendedMs / 1_000).toFixed(0)} s`);
      await soak.abort();
    }
    return results;
  } finally {
    await bench.stop();
  }
}

/** A deployment whose first soak has begun, with green as it is to be from its first request. */
async function beginSoak({ client, parts }: Bench, green: ServiceFault = USUAL) {
  const { workflowId, firstExecutionRunId } = await startOrExplain(client, REQUEST);
  const handle: DeploymentHandle = client.workflow.getHandle(workflowId, firstExecutionRunId);
  let last: DeploymentStatus | undefined;

  async function until(wanted: (status: DeploymentStatus) => boolean): Promise<DeploymentStatus> {
    for await (const { status } of pollSnapshots(client, handle)) {
      last = status;
      if (status && wanted(status)) return status;
    }
    throw new Error(`it closed before that: ${(await outcomeOf(client, handle, last)).summary}`);
  }
  await parts.sandbox.disturb(BLUE, USUAL);
  while (parts.sandbox.traffic()[GREEN] === undefined) await delay(LOOK_MS);
  await parts.sandbox.disturb(GREEN, green);
  while (!parts.sandbox.traffic()[GREEN]) await delay(LOOK_MS);
  const shiftedAt = Date.now();
  await until(({ phase }) => phase === 'soaking');

  return {
    shiftedAt,
    status: () => last as DeploymentStatus,
    until,
    rollback: () => closed(client, handle, last),
    async abort() {
      await sendDecision(client, handle, newDecision('abort', { by: 'bench' })).catch(() => {});
      await closed(client, handle, last);
    },
  };
}

async function closed(
  client: Client,
  handle: DeploymentHandle,
  last: DeploymentStatus | undefined,
): Promise<NonNullable<DeploymentReport['rollback']>> {
  for await (const _ of pollSnapshots(client, handle));
  const { report, summary } = await outcomeOf(client, handle, last);
  if (!report?.rollback) throw new Error(`it was not rolled back: ${summary}`);
  return report.rollback;
}

export async function benchSpeed(paces: readonly Pace[] = PACES): Promise<void> {
  for (const poll of paces)
    for (const fault of FAULTS) {
      print(`Green fails 20 % ${fault.what}, 20 requests a second, metrics read every ${poll}:`);
      const answers = await measureSpeed(fault, { poll, runs: SPEED_RUNS }, print);
      const half = (pick: (answer: Answered) => number) => median(answers.map(pick));
      const restored = half(({ restoredMs }) => restoredMs);
      const target = fault.targetsMs[poll];
      print(row('detected', 'on blue', 'at worst', 'read back', `target: ${formatDuration(target)}`));
      print(
        row(
          formatDuration(half(({ detectedMs }) => detectedMs)),
          formatDuration(restored),
          formatDuration(Math.max(...answers.map(({ restoredMs }) => restoredMs))),
          formatDuration(half(({ provenMs }) => provenMs)),
          kept(restored <= target),
        ),
      );
    }
}

export async function benchCalm(paces: readonly Pace[] = PACES): Promise<void> {
  for (const pace of paces) {
    print(`What must not be rolled back; metrics from Prometheus, asked every ${pace}:`);
    for (const { what, phase, extendedMs, why } of await measureCalm(pace, print))
      print(
        row(
          what.padEnd(50),
          `extended by ${formatDuration(extendedMs)}`,
          phase === 'awaiting-approval' ? 'kept' : `MISSED: ${phase}: ${why}`,
        ),
      );
  }
}
