import { type DeploymentStatus, isClosed, openGate } from '../../src/workflows/status.ts';
import { checkWords } from './checks.ts';
import type { Paint } from './output.ts';
import { atWords, decisionWords, PHASE_WORDS, trafficWords, verdictWords } from './sections.ts';
import type { Sight } from './sight.ts';
import { count, exactly, roughly, share } from './words.ts';

/** What is new since the last look, one line each: for a pipe, a log, a terminal that cannot move its cursor. Pure. */
export function changes(before: Sight | undefined, now: Sight, paint: Paint): string[] {
  const was = before?.status;
  const is = now.status;
  const lines: string[] = [];
  if (now.silent !== before?.silent && !isOver(now))
    lines.push(now.silent === undefined ? 'the deployment answers again' : `${now.silent}; waiting for it`);
  if (!is) return lines;

  if (is.phase !== was?.phase && !isClosed(is.phase))
    lines.push(`${PHASE_WORDS[is.phase]}${atWords(is)} (${trafficWords(is)})`);
  lines.push(...checkChanges(was, is));
  lines.push(...stepChanges(was, is, paint));
  lines.push(...rollbackChanges(was, is));
  for (const decision of is.decisions)
    if (
      !was?.decisions.some(
        (past) => past.at === decision.at && past.action === decision.action && past.check === decision.check,
      )
    )
      lines.push(`decision: ${decisionWords(decision)}`);
  const gate = openGate(is);
  if (is.phase === 'awaiting-approval' && was?.phase !== 'awaiting-approval' && gate)
    lines.push(
      `${gate.id} needs ${count(gate.required - gate.approvedBy.length, 'approval')}; no answer in time rolls back`,
    );
  return lines;
}

/** The numbers of the running window on one line, if there are any. */
export function liveLine({ live, status, at }: Sight): string | undefined {
  if (!live?.latest || !status?.plan || live.latest.intervalMs <= 0) return undefined;
  const { intervalMs, blue, green } = live.latest;
  const version = (name: string, { requests, failed, slow, meanMs }: typeof blue): string =>
    `${name} ${((requests * 1_000) / intervalMs).toFixed(1)}/s, ${share(failed, requests)} errors, ${share(slow, requests)} slow, mean ${meanMs.toFixed(meanMs < 10 ? 1 : 0)} ms`;
  const step = status.steps.at(-1);
  const left = step && step.provenAt === undefined ? Math.max(0, step.soakUntil - at) : undefined;
  return `${left === undefined ? '' : `${roughly(left)} left; `}${version('blue', blue)}; ${version('green', green)}`;
}

function isOver({ server }: Sight): boolean {
  return server.state !== 'RUNNING';
}

function checkChanges(was: DeploymentStatus | undefined, is: DeploymentStatus): string[] {
  return is.checks
    .filter((check) => {
      const past = was?.checks.find(({ id }) => id === check.id);
      const isNew = past?.outcome !== check.outcome || past.result?.checkedAt !== check.result?.checkedAt;
      const isWorth = check.outcome !== 'running' && !(check.outcome === 'waiting' && check.checkedBy === 'worker');
      return isNew && isWorth;
    })
    .map((check) => `check ${check.id}: ${check.outcome}: ${checkWords(check)}`);
}

function stepChanges(was: DeploymentStatus | undefined, is: DeploymentStatus, paint: Paint): string[] {
  return is.steps.flatMap((step, index) => {
    const past = was?.steps[index];
    const at = `at ${step.percentage} %`;
    return [
      ...(past && past.soakUntil !== step.soakUntil
        ? [`soak ${at} extended by ${roughly(step.soakUntil - past.soakUntil)}: not proven healthy yet`]
        : []),
      ...step.windows
        .filter((window) => !past?.windows.some(({ to }) => to === window.to))
        .map((window) => `window ${at}: ${verdictWords(window, paint)}`),
      ...(step.provenAt !== undefined && past?.provenAt === undefined ? [`soak ${at} proven healthy`] : []),
      ...(step.gate?.passedAt !== undefined && past?.gate?.passedAt === undefined
        ? [`gate ${step.gate.id} passed, approved by ${step.gate.approvedBy.join(', ')}`]
        : []),
    ];
  });
}

function rollbackChanges(
  { rollback: was }: Partial<DeploymentStatus> = {},
  { rollback: is, plan }: DeploymentStatus,
): string[] {
  if (!is) return [];
  const target = plan ? `, target ${roughly(plan.recovery.targetMs)}` : '';
  return [
    ...(was ? [] : [`rollback: ${is.cause}: ${is.reason}`]),
    ...(is.round > 1 && is.round !== was?.round ? [`rollback: round ${is.round}`] : []),
    ...(is.restored && !was?.restored
      ? [`rollback: all traffic back on blue, ${exactly(is.restored.restoredAt - is.detectedAt)} after the detection`]
      : []),
    ...(is.recoveryMs !== undefined && was?.recoveryMs === undefined
      ? [`rollback: blue is healthy; recovery time ${exactly(is.recoveryMs)}${target}`]
      : []),
    ...(is.problem !== undefined && is.problem !== was?.problem ? [`rollback: problem: ${is.problem}`] : []),
    ...is.notices.slice(was?.notices.length ?? 0).map((notice) => `rollback: notice: ${notice}`),
  ];
}
