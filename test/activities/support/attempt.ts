import type { Info } from '@temporalio/activity';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { withDeploymentInLog } from '../../../src/activities/log-attributes.ts';

/** One attempt of an activity, as a worker makes it. */
export interface Attempt<Result> {
  readonly result: Promise<Result>;
  /** The details of its heartbeats, as the server would give them to the next attempt. */
  readonly heartbeats: readonly unknown[];
  readonly log: readonly LogEntry[];
  /** Ends it for these reasons; by default because the workflow asked. */
  cancel(why?: Partial<ActivityCancellationDetails>): void;
}

/** Begins an attempt in an environment of its own. `info` is what the server knows of it, such as the attempt's number. */
export function begin<Input, Result>(
  activity: (input: Input) => Promise<Result>,
  input: Input,
  info: Partial<Info> = {},
): Attempt<Result> {
  const heartbeats: unknown[] = [];
  const log: LogEntry[] = [];
  const logger = new DefaultLogger('INFO', (entry) => log.push(entry));
  const environment = new MockActivityEnvironment(
    { ...justGiven(), ...info },
    { logger, interceptors: [withDeploymentInLog] },
  );
  environment.on('heartbeat', (details: unknown) => heartbeats.push(throughHistory(details)));
  const result = environment.run<[Input], Result, typeof activity>(activity, input);
  result.catch(() => {}); // it may fail before the test comes to look at it
  return {
    result,
    heartbeats,
    log,
    cancel: (why = { cancelRequested: true }) =>
      environment.cancel('CANCELLED', new ActivityCancellationDetails({ ...why })),
  };
}

const DAY_MS = 86_400_000;

/** The mock's own times are those of 1970, of an activity whose time was over long ago. */
function justGiven(): Partial<Info> {
  return {
    scheduledTimestampMs: Date.now(),
    currentAttemptScheduledTimestampMs: Date.now(),
    scheduleToCloseTimeoutMs: DAY_MS,
  };
}

/** The result of one attempt. */
export function run<Input, Result>(
  activity: (input: Input) => Promise<Result>,
  input: Input,
  info: Partial<Info> = {},
): Promise<Result> {
  return begin(activity, input, info).result;
}

/** What is left of a value when it comes back from a history. */
function throughHistory<Value>(value: Value): Value {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value);
}
