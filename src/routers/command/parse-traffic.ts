import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { FAILURE } from '../../domain/index.ts';
import type { Slots, TrafficShares } from '../../plugin/index.ts';
import { jsonOrUndefined, redact } from '../../util/index.ts';

const SHOWN = 500;

const trafficReport = z.object({
  traffic: z.record(z.string().min(1), z.number().min(0).max(100)),
  slots: z.record(z.string().min(1), z.string().min(1)).optional(),
});

export interface TrafficReport {
  readonly traffic: TrafficShares;
  readonly slots?: Slots | undefined;
}

/**
 * What the status command printed, e.g. `{"traffic": {"2.4.0": 50, "2.5.0": 50}, "slots": {"2.4.0": "a", "2.5.0": "b"}}`.
 * @throws ApplicationFailure `CommandFailed`, final, that says what was printed instead.
 */
export function parseTraffic(stdout: string, env: NodeJS.ProcessEnv = process.env): TrafficReport {
  const parsed = trafficReport.safeParse(jsonOrUndefined(stdout));
  if (parsed.success) return parsed.data;
  const printed = redact(stdout, env).trim().slice(-SHOWN);
  const problem = parsed.error.issues[0];
  const where = problem && problem.path.length > 0 ? ` (at ${problem.path.join('.')}: ${problem.message})` : '';
  throw ApplicationFailure.nonRetryable(
    `router.status printed ${printed === '' ? 'nothing' : `"${printed}"`}, expected JSON such as ` +
      `{"traffic": {"2.4.0": 50, "2.5.0": 50}} with percentages from 0 to 100${where}`,
    FAILURE.CommandFailed,
  );
}
