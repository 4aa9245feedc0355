import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import {
  type BlueRecovered,
  blueRecovered,
  currentStep,
  entered,
  greenLeftWords,
  isNotFollowed,
  isReadBack,
  type RollbackInput,
  type RollbackStatus,
  rollbackBegun,
  roundBegun,
  roundFailed,
  schemaStays,
  type TrafficRestored,
  trafficMoved,
  trafficRestored,
} from '../domain/index.ts';
import { workForSure } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage } from './failures.ts';
import { notify } from './notify.ts';

/** A failed round is tried again soon at first: most failures are a blip. */
const FIRST_PAUSE_MS = 1_000;
const ENDED_BY_RETRY = 'the round was ended by retryRollback';

/**
 * The compensation: all traffic back on blue, green stopped, blue proven healthy, and the traffic guarded for a while.
 * Cannot be cancelled and does not give up: each round is bounded, their number is not.
 */
export async function rollBack(
  deployment: Deployment,
  why: Pick<RollbackStatus, 'cause' | 'reason' | 'detectedAt'>,
): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    deployment.change((status, at) => rollbackBegun(status, why, at));
    const { service, version, environment } = deployment.status();
    const stays = schemaStays(deployment.status());
    const notified = notify(
      deployment,
      'rolling-back',
      'critical',
      `Rolling back ${service} ${version} in ${environment}: ${why.reason}${stays === undefined ? '' : ` Note: ${stays}.`}`,
    );

    const { pauseMs } = deployment.plan().rollback;
    let pause = FIRST_PAUSE_MS;
    let wasEnded = false;
    for (let round = 1; ; round += 1) {
      const { retriesAsked, acceptance } = rollbackOf(deployment);
      const retried = (): boolean => rollbackOf(deployment).retriesAsked > retriesAsked;
      const accepted = (): boolean => rollbackOf(deployment).acceptance !== acceptance;
      // After a round that was ended the next has its time: however often people ask, a rollback comes to its end.
      const problem = await runRound(deployment, round, wasEnded ? () => false : retried);
      if (problem === undefined) break;
      wasEnded = problem === ENDED_BY_RETRY;
      deployment.change((status, at) => roundFailed(status, problem, at));
      if (round === 1 || pause >= pauseMs)
        void notify(
          deployment,
          'rollback-stalled',
          'critical',
          `The rollback of ${service} ${version} in ${environment} has stalled (round ${round}): ${problem}. It tries again; retryRollback starts the next round at once.${isReadBack(rollbackOf(deployment), 'over') ? ' The router sends all traffic to blue: acceptRecovery ends the rollback without the proof that blue is healthy.' : ''}`,
        );
      await condition(() => retried() || accepted(), pause, { summary: 'pause before the next round' });
      pause = pauseAfter(pause, Date.now() - rollbackOf(deployment).startedAt, pauseMs);
    }
    await notified;
  });
}

const HOUR_MS = 3_600_000;

/**
 * The pause grows to `longestMs`, and then to an hour as the rollback lasts: one that stalls for weeks must not fill the
 * history, at whose end the server would end it.
 */
export function pauseAfter(pauseMs: number, lastedMs: number, longestMs: number): number {
  return Math.min(pauseMs * 2, Math.max(longestMs, Math.min(lastedMs / 60, HOUR_MS)));
}

/** One bounded round, ended early when `isEnded`. Answers what was wrong, or nothing when blue is safe. */
async function runRound(deployment: Deployment, round: number, isEnded: () => boolean): Promise<string | undefined> {
  const { roundMs } = deployment.plan().rollback;
  deployment.change((status, at) => roundBegun(status, round, at));
  try {
    return await CancellationScope.cancellable(async () => {
      const done = recover(deployment, round, Date.now() + roundMs);
      await Promise.race([done, condition(isEnded)]);
      CancellationScope.current().cancel();
      return await done;
    });
  } catch (error) {
    return isCancellation(error) ? ENDED_BY_RETRY : errorMessage(error);
  }
}

async function recover(deployment: Deployment, round: number, until: number): Promise<string | undefined> {
  const { target, judge, watch, rollback } = deployment.plan();
  const neverShifted = deployment.status().shiftBegunAt === undefined ? { neverShifted: true as const } : {};
  const input = { target, rules: judge, pollMs: watch.pollMs, round, until, ...neverShifted };

  const restore = (summary: string, how: Pick<RollbackInput, 'keepsGreen'> = {}) =>
    workForSure(summary, rollback.timeoutMs, rollback.roundMs).restoreTraffic({ ...input, ...how });
  const { cursor, greenRuns, ...restored } = await restore(
    'rollback: traffic back on blue',
    rollback.keepsGreen && { keepsGreen: true },
  );
  const wasLeft = rollbackOf(deployment).restored?.greenLeft !== undefined;
  const percentage = currentStep(deployment.status())?.percentage ?? deployment.status().greenPercentage;
  deployment.change((status) => trafficRestored(status, restored));
  const { greenLeft, restoredAt } = restored;
  if (greenLeft && !wasLeft && isNotFollowed(greenLeft, { restoredAt, percentage })) notifyOfGreenLeft(deployment);

  const recovered = await provenOrAccepted(deployment, restored, () =>
    workForSure('rollback: blue proves healthy', rollback.roundMs).verifyRecovery({
      ...input,
      restoredAt: restored.restoredAt,
      ...(cursor && { since: cursor }),
    }),
  );
  deployment.change((status) => blueRecovered(status, recovered));
  if (greenRuns) {
    const { evidence, greenLeft: now } = await restore('rollback: stop green');
    const { greenLeft: _, ...before } = restored;
    deployment.change((status) => trafficRestored(status, { ...before, evidence, ...(now && { greenLeft: now }) }));
  }

  const guardUntil = Date.now() + rollback.guardMs;
  const { moved } = await workForSure(
    'rollback: guard the traffic',
    rollback.guardMs + rollback.timeoutMs,
  ).guardTraffic({
    ...input,
    until: guardUntil,
  });
  if (moved === undefined) return undefined;
  deployment.change((status, at) => trafficMoved(entered(status, 'rolling-back', at), moved));
  return moved;
}

/** Before the round is over: until then people believe that the rollback helps. */
function notifyOfGreenLeft(deployment: Deployment): void {
  const { service, version, environment } = deployment.status();
  const left = greenLeftWords(rollbackOf(deployment).restored);
  void notify(
    deployment,
    'rollback-stalled',
    'critical',
    `The rollback of ${service} ${version} in ${environment} is not in effect: ${left}. Green runs on until it gets none. Find out why the traffic does not follow the router.`,
  );
}

/** Blue's proof of health, unless somebody accepts to do without: that takes traffic which was read back on blue. */
async function provenOrAccepted(
  deployment: Deployment,
  { readBack }: TrafficRestored,
  verify: () => Promise<BlueRecovered>,
): Promise<BlueRecovered> {
  if (!readBack) return verify();
  const acceptance = (): RollbackStatus['acceptance'] => rollbackOf(deployment).acceptance;
  if (!acceptance()) {
    try {
      return await CancellationScope.cancellable(async () => {
        const proven = verify();
        await Promise.race([proven, condition(() => acceptance() !== undefined)]);
        CancellationScope.current().cancel();
        return await proven;
      });
    } catch (error) {
      if (!acceptance()) throw error;
    }
  }
  const accepted = acceptance();
  if (!accepted) throw new Error('nobody accepted');
  const { by, reason } = accepted;
  return { healthyAt: Date.now(), requests: 0, evidence: [], accepted: { by, what: reason } };
}

function rollbackOf(deployment: Deployment): RollbackStatus {
  const { rollback } = deployment.status();
  if (!rollback) throw new Error('no rollback is under way');
  return rollback;
}
