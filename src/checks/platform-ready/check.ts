import { setTimeout as sleep } from 'node:timers/promises';
import type { DeploymentTarget, EvidenceLine } from '../../domain/index.ts';
import { channelsOf } from '../../notifications/index.ts';
import { createPlatform } from '../../platforms/index.ts';
import type { Check, CheckContext, TrafficShares } from '../../plugin/index.ts';
import { fillPlaceholders, findProgram } from '../../processes/index.ts';
import type { CheckOfKind, PlatformConfig } from '../../runbook/index.ts';
import { redact } from '../../util/index.ts';
import { findingOf, type Observation, type Problem } from '../observation.ts';
import { placeholders } from '../placeholders.ts';

/** A blip of the platform is not worth waking a person. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 1_000;
const SHOWN = 300;

/**
 * What every later step stands on: the platform's programs are on this worker, the traffic can be read and is all on
 * blue, and people can be told. It holds before the deploy and after it, when green runs without traffic. Traffic that cannot be read has failed
 * the check, whatever the reason: whether it can be read is the question.
 */
export function platformReady(config: CheckOfKind<'platform-ready'>): Check {
  return async (context) => {
    const { target, runbook, attendance } = context;
    attendance.heartbeat({ doing: 'looking for the programs' });
    const programs = await lookForPrograms(runbook.platform, target);
    const traffic = programs.missing.includes('status')
      ? { evidence: [trafficLine('not read: the program for it is missing', target)], problems: [] }
      : await lookAtTraffic(context, config.timeout);

    const people = lookAtNotifications(context);
    const requested = { evidence: [requestedLine(target)], problems: [] };
    const summary = `all that the platform needs is there; ${target.blue} serves`;
    return findingOf([programs, traffic, people, requested], summary);
  };
}

/** The platform's programs, by what the runbook calls their work. */
function programsOf(platform: PlatformConfig): Readonly<Record<string, readonly string[] | undefined>> {
  switch (platform.kind) {
    case 'command': {
      const { deploy, shiftTraffic, rollback, status } = platform;
      return { deploy, shiftTraffic, rollback, status };
    }
  }
}

async function lookForPrograms(
  platform: PlatformConfig,
  target: DeploymentTarget,
): Promise<Observation & { readonly missing: readonly string[] }> {
  const values = { ...placeholders(target), percentage: '0' };
  const looked = await Promise.all(
    Object.entries(programsOf(platform)).map(async ([role, command]) => {
      if (command === undefined) return [];
      const [program = ''] = fillPlaceholders(command.slice(0, 1), values);
      // Commands run in the worker's own environment, so that is where they are looked for.
      const found = (await findProgram(program, process.env['PATH'])) !== undefined;
      return [{ role, found, where: program.includes('/') ? 'at the path in the runbook' : "on the worker's PATH" }];
    }),
  );
  const programs = looked.flat();
  const missing = programs.filter(({ found }) => !found);
  return {
    missing: missing.map(({ role }) => role),
    evidence: programs.map(({ role, found, where }) => ({
      what: `program of ${role}`,
      measured: found ? `found ${where}` : `none that may be run ${where}`,
      required: 'a file that may be run',
      source: 'this worker',
    })),
    problems: missing.map(({ role, where }) => ({
      found: `the program of ${role} cannot be run: there is none ${where}`,
      unblock: `put the program of platform.${role} ${where} and make it executable, or correct the runbook`,
    })),
  };
}

async function lookAtTraffic({ target, runbook, attendance }: CheckContext, timeoutMs: number): Promise<Observation> {
  const platform = createPlatform(runbook.platform, target);
  const giveUpAt = Date.now() + timeoutMs - BETWEEN_TRIES_MS;
  for (let attempt = 1; ; attempt += 1) {
    attendance.heartbeat({ doing: 'reading the traffic', attempt });
    try {
      return judge(await platform.readTraffic(attendance), target);
    } catch (error) {
      attendance.signal.throwIfAborted();
      if (attempt === TRIES || Date.now() > giveUpAt) return unreadable(error, target);
      await sleep(BETWEEN_TRIES_MS, undefined, { signal: attendance.signal }).catch(() =>
        attendance.signal.throwIfAborted(),
      );
    }
  }
}

function unreadable(error: unknown, target: DeploymentTarget): Observation {
  const why = redact(error instanceof Error ? error.message : String(error)).slice(0, SHOWN);
  return {
    evidence: [trafficLine(`cannot be read: ${why}`, target)],
    problems: [
      {
        found: `the traffic cannot be read: ${why}`,
        unblock:
          'run the command of platform.status by hand on the worker: it has to end with exit code 0 and print ' +
          `the percentages such as {"traffic": {"${target.blue}": 100}}`,
      },
    ],
  };
}

/** Whether the worker has what the runbook's channels need. Nothing is sent: nobody should be told of a check. */
function lookAtNotifications({ runbook, env }: CheckContext): Observation {
  const channels = channelsOf(runbook.notifications, env);
  return {
    evidence: channels.map(({ name, variable, problem }) => ({
      what: name,
      measured: problem ?? `the worker's variable ${variable} holds a URL`,
      required: "a webhook's URL",
      source: 'this worker',
    })),
    problems: channels.flatMap(({ name, variable, problem }) =>
      problem === undefined
        ? []
        : [
            {
              found: `${name} cannot be sent: ${problem}`,
              unblock: `set ${variable} in the worker's environment and restart the worker, or correct notifications in the runbook and start a new deployment`,
            },
          ],
    ),
  };
}

/** Undefined shares: the platform has no way to tell. That is the runbook's choice, said and not held against it. */
function judge(shares: TrafficShares | undefined, target: DeploymentTarget): Observation {
  if (shares === undefined)
    return {
      evidence: [trafficLine('not provable: the runbook names no platform.status', target)],
      problems: target.blue === target.green ? [alreadyServes(target)] : [],
    };
  const problem = problemOf(shares, target);
  return {
    evidence: [trafficLine(inPercent(shares), target)],
    problems: problem ? [problem] : [],
  };
}

function problemOf(shares: TrafficShares, target: DeploymentTarget): Problem | undefined {
  const { blue, green } = target;
  const serving = Object.keys(shares).filter((version) => (shares[version] ?? 0) > 0);
  const [only] = serving;
  if (blue === green || (only === green && serving.length === 1)) return alreadyServes(target);
  if (only === undefined)
    return { found: 'no version gets any traffic', unblock: `bring all traffic to ${blue}, then recheck` };
  if (only === blue && serving.length === 1 && shares[blue] === 100) return undefined;

  const others = serving.filter((version) => version !== blue && version !== green).map(shown);
  const split = inPercent(shares);
  if (serving.length === 1 && others.length === 1)
    return {
      found: `${others[0]} serves, not ${blue}, which did when this deployment began`,
      unblock: `abort and start again if ${others[0]} is right; otherwise bring all traffic back to ${blue}, then recheck`,
    };
  const strangers = others.length === 0 ? '' : `, with ${others.join(' and ')}, which this deployment knows nothing of`;
  return {
    found: `a shift is under way: ${split}${strangers}`,
    unblock: `finish or roll back what is under way until all traffic is on ${blue}, then recheck`,
  };
}

function alreadyServes({ green }: DeploymentTarget): Problem {
  return {
    found: `${green} serves already`,
    unblock: `abort: there is nothing to deploy; if ${green} should not serve, bring all traffic back first`,
  };
}

function trafficLine(measured: string, { blue }: DeploymentTarget): EvidenceLine {
  return { what: 'traffic', measured, required: `all on ${blue}`, source: 'platform.status' };
}

function requestedLine({ blue, green }: DeploymentTarget): EvidenceLine {
  return { what: 'requested version', measured: green, required: `not ${blue}, which served at the start` };
}

/** `2.4.0 50 %, 2.5.0 50 %` */
function inPercent(shares: TrafficShares): string {
  const parts = Object.entries(shares).map(([version, percentage]) => `${shown(version)} ${percentage} %`);
  return parts.length === 0 ? 'no version' : parts.join(', ').slice(0, SHOWN);
}

/** A version as the platform calls it, which is whatever it printed. */
function shown(version: string): string {
  return redact(version).slice(0, 100);
}
