import { setTimeout as sleep } from 'node:timers/promises';
import type { DeploymentTarget, EvidenceLine } from '../../domain/index.ts';
import {
  type Check,
  type CheckContext,
  checkKind,
  findingOf,
  type Observation,
  type Problem,
  type TrafficShares,
} from '../../plugin/index.ts';
import type { CheckConfig } from '../../runbook/index.ts';
import { messageOf, redact } from '../../util/index.ts';
import { observeFreeSlot } from './free-slot.ts';

export const platformReady = checkKind({
  kind: 'platform-ready',
  summary:
    'The workload and the router have what they need on the worker, all traffic is on blue, and every notification can be sent.',
  schema: (base) => base,
  again: true,
  create,
});

/** A short failure of the platform is not worth waking a person. */
const TRIES = 3;
const BETWEEN_TRIES_MS = 1_000;
const SHOWN = 300;
const NOTHING: Observation = { evidence: [], problems: [] };

/**
 * What every later step needs: the workload and the router are usable on this worker, the traffic can be read and is all on
 * blue, and people can be notified. It holds before the deploy and after it, when green runs without traffic. Traffic that
 * cannot be read has failed the check, whatever the reason: whether it can be read is the question.
 */
function create({ timeout }: CheckConfig): Check {
  return async (context) => {
    const { target, workload, router, greenIsUp, run } = context;
    run.heartbeat({ doing: 'asking the workload and the router what they miss' });
    const deploying = (await workload.preflight?.(run, { greenIsUp })) ?? NOTHING;
    const routing = (await router.preflight?.(run)) ?? NOTHING;
    const isRouterReady = routing.problems.length === 0;
    const traffic = await observeTraffic(context, { timeoutMs: timeout, tries: isRouterReady ? TRIES : 1 });
    const requested = { evidence: [requestedLine(target)], problems: [] };
    const summary = `all that the deployment needs is there; ${target.blue} serves`;
    // What the router misses is the reason why its traffic cannot be read, and is a problem already.
    const known = traffic.isUnreadable && !isRouterReady ? { evidence: traffic.evidence, problems: [] } : traffic;
    const isFree = !greenIsUp && traffic.problems.length === 0 && target.blue !== target.green;
    const slot = isFree ? await observeFreeSlot(context, timeout) : NOTHING;
    return findingOf([deploying, routing, known, slot, await observeNotifiers(context), requested], summary);
  };
}

async function observeTraffic(
  { target, router, run }: CheckContext,
  { timeoutMs, tries }: { readonly timeoutMs: number; readonly tries: number },
): Promise<Observation & { readonly isUnreadable?: true }> {
  const giveUpAt = Date.now() + timeoutMs - BETWEEN_TRIES_MS;
  for (let attempt = 1; ; attempt += 1) {
    run.heartbeat({ doing: 'reading the traffic', attempt });
    try {
      return judge(await router.readTraffic(run), target);
    } catch (error) {
      run.signal.throwIfAborted();
      if (attempt === tries || Date.now() > giveUpAt) return { ...unreadable(error, target), isUnreadable: true };
      await sleep(BETWEEN_TRIES_MS, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
    }
  }
}

function unreadable(error: unknown, target: DeploymentTarget): Observation {
  const why = redact(messageOf(error)).slice(0, SHOWN);
  return {
    evidence: [trafficLine(`cannot be read: ${why}`, target)],
    problems: [
      {
        found: `the traffic cannot be read: ${why}`,
        unblock:
          'make the traffic readable on the worker (for a router of kind command: run the command of router.status by hand; ' +
          `it has to end with exit code 0 and print the percentages such as {"traffic": {"${target.blue}": 100}})`,
      },
    ],
  };
}

/** Whether the worker has what the runbook's notifications need. Nothing is sent: nobody has to know of a check. */
async function observeNotifiers({ notifiers }: CheckContext): Promise<Observation> {
  const all = await Promise.all(
    notifiers.map(async (notifier) => ({ name: notifier.name, problems: (await notifier.preflight?.()) ?? [] })),
  );
  return {
    evidence: all.map(({ name, problems }) => ({
      what: name,
      measured: problems.length === 0 ? 'can be sent' : problems.map(({ found }) => found).join('; '),
      required: 'can be sent',
      source: 'this worker',
    })),
    problems: all.flatMap(({ name, problems }) =>
      problems.map(({ found, unblock }) => ({ found: `${name} cannot be sent: ${found}`, unblock })),
    ),
  };
}

/** Undefined shares: the router cannot report them. That is the runbook's choice: it is evidence, not a problem. */
function judge(shares: TrafficShares | undefined, target: DeploymentTarget): Observation {
  if (shares === undefined)
    return {
      evidence: [trafficLine('not provable: the router cannot report it', target)],
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
  const strangers = others.length === 0 ? '' : `, with ${others.join(' and ')}, unknown to this deployment`;
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
  return { what: 'traffic', measured, required: `all on ${blue}`, source: 'router' };
}

function requestedLine({ blue, green }: DeploymentTarget): EvidenceLine {
  return { what: 'requested version', measured: green, required: `not ${blue}, which served at the start` };
}

/** `2.4.0 50 %, 2.5.0 50 %` */
function inPercent(shares: TrafficShares): string {
  const parts = Object.entries(shares).map(([version, percentage]) => `${shown(version)} ${percentage} %`);
  return parts.length === 0 ? 'no version' : parts.join(', ').slice(0, SHOWN);
}

/** A version as the router calls it, which is whatever it printed. */
function shown(version: string): string {
  return redact(version).slice(0, 100);
}
