import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Limits } from '../../judge/index.ts';
import {
  countedBetween,
  countedByInterval,
  type FreshCounts,
  type MetricSource,
  metricsKind,
  metricsUnavailable,
  type Problem,
  type Reading,
} from '../../plugin/index.ts';
import { fillPlaceholders, runCommand } from '../../processes/index.ts';
import { command, commandEnv, duration, pollInterval } from '../../runbook/index.ts';
import { jsonOrUndefined, messageOf, redact, shortList } from '../../util/index.ts';

const SHOWN = 300;
/** The program is asked for whole seconds. */
const STEP_MS = 1_000;

const count = z.number().min(0);
const counts = z.record(
  z.string().min(1),
  z.strictObject({
    requests: count,
    failed: count,
    slow: count.optional(),
    timed: count.optional(),
    seconds: count.default(0),
  }),
);
type Printed = Readonly<Record<string, FreshCounts>>;

/** A program that prints counts: what is needed for a monitoring system that has no kind of its own. */
export const commandMetrics = metricsKind({
  kind: 'command',
  summary: 'The worker runs a program that prints counts as JSON.',
  secretKeys: ['command'],
  schema: (base) =>
    base
      .extend({
        command: command('service', 'environment', 'from', 'to').describe(
          'Prints `{"2.4.0": {"requests": 1200, "failed": 3, "slow": 14, "seconds": 96.5}}`: for each version the counts ' +
            'after `{from}` and up to `{to}`, in whole seconds since 1970. `slow` counts the requests over `limits.latency.under`. ' +
            'It is required if there is such a limit. `timed` counts the requests whose duration is known, if that is not all of them. ' +
            '`seconds` is the sum of all durations, for the mean.',
        ),
        env: commandEnv,
        counts: z
          .enum(['interval', 'total'])
          .default('interval')
          .describe(
            '`interval`: the counts of an interval. `total`: the counts since the service started, as in a counter.',
          ),
        delay: duration
          .optional()
          .describe('How long the data takes to arrive in the system. Not with `counts: total`. Default: none.'),
        poll: pollInterval.prefault('15s').describe('How often the program runs.'),
        timeout: duration.prefault('10s').describe('The longest that the program may take.'),
      })
      .refine(({ delay = 0, poll }) => delay <= 2 * poll, {
        path: ['delay'],
        message: 'expected at most twice the poll: the judge takes older counts for stale',
      }),
  create(config, { target, limits, compared }): MetricSource {
    const { poll, delay = 0 } = config;

    async function ask(from: number, to: number, signal: AbortSignal): Promise<Printed> {
      const { service, environment } = target;
      const values = { service, environment, from: String(from / 1_000), to: String(to / 1_000) };
      const { exitCode, stdout, outputTail } = await runCommand({
        name: 'the program for the metrics',
        command: fillPlaceholders(config.command, values),
        env: config.env,
        operation: { id: `metrics/${randomUUID()}`, attempt: 1 },
        run: { signal, heartbeat() {} },
        timeoutMs: config.timeout,
      }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw metricsUnavailable(messageOf(error));
      });
      if (exitCode !== 0)
        throw metricsUnavailable(
          `the program for the metrics failed with exit code ${exitCode}: ${outputTail.slice(-SHOWN)}`,
        );
      return parseCounts(stdout, limits);
    }

    async function readTotals(signal: AbortSignal): Promise<Reading> {
      const at = Date.now();
      const printed = await ask(0, at - (at % 1_000), signal);
      return {
        at,
        series: Object.fromEntries(Object.entries(printed).map(([version, one]) => [version, { version, ...one }])),
      };
    }

    const measuresLatency = limits.latency !== undefined;
    if (config.counts === 'total') return countedBetween({ read: readTotals }, { freshEveryMs: 0, measuresLatency });
    const source = countedByInterval(
      { count: async ({ from, to }, signal) => ({ counts: await ask(from, to, signal) }), unknownBlue },
      { stepMs: STEP_MS, delayMs: delay, pollMs: poll, measuresLatency, ...(compared && { compared }) },
    );
    return { ...source, countersApart: true }; // the program may ask for each count apart
  },
});

function unknownBlue(blue: string, known: readonly string[]): Problem {
  return {
    found:
      known.length === 0
        ? 'the program for the metrics printed no version for the last hour'
        : `the program for the metrics printed ${shortList(known)} for the last hour; none of them is ${blue}`,
    unblock: `let it print the requests of ${blue} under "${blue}", and see that ${blue} gets requests`,
  };
}

function parseCounts(stdout: string, { latency }: Limits): Printed {
  const result = counts.safeParse(jsonOrUndefined(stdout));
  if (result.success) {
    const all = Object.entries(result.data);
    const [untimed] = all.find(([, { requests, slow }]) => latency && requests > 0 && slow === undefined) ?? [];
    if (untimed !== undefined)
      throw metricsUnavailable(
        `the program for the metrics printed no "slow" for ${redact(untimed)}, expected the number of requests over ` +
          `${latency?.underMs} ms since limits.latency is set`,
      );
    return Object.fromEntries(
      all.map(([version, { slow = 0, timed, ...one }]) => [
        version,
        { ...one, slow, ...(timed !== undefined && { timed }) },
      ]),
    );
  }
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? ` (at ${issue.path.join('.')}: ${issue.message})` : '';
  const printed = redact(stdout).trim().slice(0, SHOWN);
  throw metricsUnavailable(
    `the program for the metrics printed ${printed === '' ? 'nothing' : `"${printed}"`}, expected JSON such as ` +
      `{"2.4.0": {"requests": 1200, "failed": 3}}${where}`,
  );
}
