import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { type DeploymentTarget, type EvidenceLine, FAILURE } from '../../domain/index.ts';
import type { Evidence, Platform, TrafficShares } from '../../plugin/index.ts';
import { type CommandResult, fillPlaceholders, runCommand } from '../../processes/index.ts';
import type { PlatformConfig } from '../../runbook/index.ts';
import { errorCode, type Operation, type RunContext, redact } from '../../util/index.ts';
import { fenced } from './fence.ts';

type CommandConfig = Extract<PlatformConfig, { kind: 'command' }>;

const HEALTH_TIMEOUT_MS = 2_000;
const STATUS_TIMEOUT_MS = 10_000;
/** Of what a command said, so much goes into a message or a line of evidence. */
const SHOWN_IN_FAILURE = 500;
const SHOWN_IN_EVIDENCE = 200;

const trafficReport = z.object({ traffic: z.record(z.string().min(1), z.number().min(0).max(100)) });

/** A platform that is reached by programs on the worker: the guide's `deploy`, `shift-traffic` and `rollback`. */
export function commandPlatform(
  config: CommandConfig,
  target: DeploymentTarget,
  env: NodeJS.ProcessEnv = process.env,
): Platform {
  const placeholders = { service: target.service, version: target.green, blue: target.blue };

  async function change(
    name: string,
    command: readonly string[],
    timeoutMs: number,
    operation: Operation,
    attendance: RunContext,
    values: Readonly<Record<string, string>> = placeholders,
  ): Promise<Evidence> {
    const result = await fenced(operation, attendance, (fencedAttendance) =>
      runCommand({ name, command: fill(name, command, values), operation, attendance: fencedAttendance, timeoutMs }),
    );
    if (result.exitCode !== 0) throw commandFailed(name, result);
    return [evidenceOf(name, result)];
  }

  return {
    deploy: (operation, attendance) => change('deploy', config.deploy, config.timeouts.deploy, operation, attendance),

    shiftTraffic: (operation, percentage, attendance) =>
      change('shift-traffic', config.shiftTraffic, config.timeouts.shift, operation, attendance, {
        ...placeholders,
        percentage: String(percentage),
      }),

    rollBack: (operation, attendance) =>
      change('rollback', config.rollback, config.timeouts.rollback, operation, attendance),

    async readTraffic(attendance) {
      if (config.status === undefined) return undefined;
      const name = 'traffic-status';
      const command = fill(name, config.status, { service: target.service });
      const operation = { id: `${name}/${randomUUID()}`, attempt: 1 };
      const result = await runCommand({ name, command, operation, attendance, timeoutMs: STATUS_TIMEOUT_MS });
      if (result.exitCode !== 0) throw commandFailed(name, result);
      return parseTraffic(result.stdout, env);
    },

    checkHealth: (version, attendance) => checkHealth(config.health.url, target.service, version, attendance.signal),
  };
}

/**
 * What the status command printed, e.g. `{"traffic": {"2.4.0": 50, "2.5.0": 50}}`.
 * @throws ApplicationFailure `CommandFailed`, final, that says what was printed instead.
 */
export function parseTraffic(stdout: string, env: NodeJS.ProcessEnv = process.env): TrafficShares {
  const parsed = trafficReport.safeParse(jsonOrUndefined(stdout));
  if (parsed.success) return parsed.data.traffic;
  const printed = redact(stdout, env).trim().slice(-SHOWN_IN_FAILURE);
  const problem = parsed.error.issues[0];
  const where = problem && problem.path.length > 0 ? ` (at ${problem.path.join('.')}: ${problem.message})` : '';
  throw ApplicationFailure.nonRetryable(
    `traffic-status printed ${printed === '' ? 'nothing' : `"${printed}"`}, expected JSON such as ` +
      `{"traffic": {"2.4.0": 50, "2.5.0": 50}} with percentages from 0 to 100${where}`,
    FAILURE.CommandFailed,
  );
}

async function checkHealth(
  urlTemplate: string,
  service: string,
  version: string,
  signal: AbortSignal,
): Promise<Evidence> {
  signal.throwIfAborted();
  const [url = ''] = fillPlaceholders([urlTemplate], {
    service: encodeURIComponent(service),
    version: encodeURIComponent(version),
  });
  const startedAt = performance.now();
  const timeout = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  let status: number;
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, timeout]), redirect: 'manual' });
    status = response.status;
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    const found = timeout.aborted
      ? `no answer within ${HEALTH_TIMEOUT_MS} ms`
      : `no connection (${errorCode(error) ?? 'broken off'})`;
    throw unhealthy(version, found);
  }
  if (status < 200 || status > 299) throw unhealthy(version, `HTTP status ${status}`);
  const tookMs = Math.round(performance.now() - startedAt);
  return [{ what: `health of ${version}`, measured: `HTTP status ${status} in ${tookMs} ms`, required: '200 to 299' }];
}

function unhealthy(version: string, found: string): ApplicationFailure {
  return ApplicationFailure.retryable(
    `${version} did not pass its health check: found ${found}, expected HTTP status 200 to 299 within ${HEALTH_TIMEOUT_MS} ms`,
    FAILURE.GreenUnhealthy,
  );
}

function fill(name: string, command: readonly string[], values: Readonly<Record<string, string>>): string[] {
  try {
    return fillPlaceholders(command, values);
  } catch (error) {
    throw ApplicationFailure.nonRetryable(
      `the runbook's command for ${name} cannot be used: ${error instanceof Error ? error.message : 'unknown placeholder'}`,
      FAILURE.CommandFailed,
    );
  }
}

function commandFailed(name: string, { exitCode, stderrTail, outputTail }: CommandResult): ApplicationFailure {
  const said = (stderrTail === '' ? outputTail : stderrTail).slice(-SHOWN_IN_FAILURE);
  return ApplicationFailure.nonRetryable(
    `${name} failed with exit code ${exitCode}${said === '' ? ' and printed nothing' : `: ${said}`}`,
    FAILURE.CommandFailed,
  );
}

function evidenceOf(name: string, { exitCode, durationMs, outputTail }: CommandResult): EvidenceLine {
  const lastLine = outputTail.slice(outputTail.lastIndexOf('\n') + 1).slice(0, SHOWN_IN_EVIDENCE);
  return {
    what: name,
    measured: `exit code ${exitCode} in ${durationMs} ms${lastLine === '' ? '' : `: ${lastLine}`}`,
    required: 'exit code 0',
  };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
