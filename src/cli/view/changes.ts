import {
  type DeploymentStatus,
  furtherWords,
  greenLeftWords,
  holderWords,
  isClosed,
  isUnderWay,
  missingApprovals,
  openGate,
  recoveryWords,
  restoredWords,
  unblockInShort,
  withoutAnswer,
} from '../../domain/index.ts';
import { timedOf } from '../../judge/index.ts';
import { hasEnded } from '../../temporal/index.ts';
import { checkProgress, checkWords, unblockLines } from './checks.ts';
import { formatDuration, formatDurationRoughly, meanWords, share } from './format.ts';
import { lastKnownWords } from './last-known.ts';
import type { Paint } from './output.ts';
import {
  atWords,
  decisionWords,
  forwardOnlyLines,
  movedLine,
  PHASE_WORDS,
  trafficWords,
  verdictWords,
} from './sections.ts';
import type { DeploymentSnapshot } from './snapshot.ts';
import { isLongEnough } from './versions.ts';

/** What kinds of change there are; programs read them (docs/watch.md), so a name never changes its meaning. */
type ChangeKind =
  | 'answer'
  | 'phase'
  | 'check'
  | 'wait'
  | 'soak'
  | 'window'
  | 'metrics'
  | 'gate'
  | 'decision'
  | 'rollback'
  | 'undelivered'
  | 'numbers'
  | 'left'
  | 'outcome';

/** Something new: in words for people, and what they are made of for programs. */
export interface Change {
  readonly kind: ChangeKind;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A reading of the running window. */
type Numbers = Change & { readonly data: { readonly to: number } };

/** What is new since the last look: for a pipe, a log, a program, a terminal that cannot move its cursor. Pure. */
export function changes(before: DeploymentSnapshot | undefined, now: DeploymentSnapshot, paint: Paint): Change[] {
  const was = before?.status;
  const is = now.status;
  const answer: Change[] =
    now.unreachableReason === before?.unreachableReason || isOver(now)
      ? []
      : [
          {
            kind: 'answer',
            text:
              now.unreachableReason === undefined
                ? 'the deployment answers again'
                : `${now.unreachableReason}; waiting for it${now.lastKnown ? `; ${lastKnownWords(now.lastKnown, now.at)}` : ''}`,
            data: {
              answers: now.unreachableReason === undefined,
              why: now.unreachableReason ?? null,
              lastKnown: now.lastKnown ?? null,
            },
          },
        ];
  if (!is) return answer;
  return [
    ...answer,
    ...phaseChanges(was, is),
    ...checkChanges(was, is),
    ...waitChanges(before, now),
    ...stepChanges(was, is, paint),
    ...metricsChanges(before, now, paint),
    ...rollbackChanges(was, is),
    ...decisionChanges(was, is),
    ...undeliveredChanges(was, is),
    ...gateChanges(was, is),
  ];
}

/** The numbers of the running window, if a reading that ends after `knownTo` brought them. */
export function numbersOf({ live, status, at }: DeploymentSnapshot, knownTo: number): Numbers | undefined {
  if (!live?.latest || !status?.plan || !isLongEnough(live.latest, status.plan) || live.problem !== undefined)
    return undefined;
  // What was seen last stays in the heartbeat while nothing new comes.
  const to = live.watchState.cursor?.at ?? live.to;
  if (to <= knownTo) return undefined;
  const { intervalMs, blue, green } = live.latest;
  const version = (name: string, counts: typeof blue): string => {
    const { requests, failed, slow, meanMs } = counts;
    return (
      `${name} ${((requests * 1_000) / intervalMs).toFixed(1)}/s, ${share(failed, requests)} errors, ` +
      `${slow === null ? 'slow not measured' : `${share(slow, timedOf(counts))} slow`}, mean ${meanWords(requests, meanMs)}`
    );
  };
  const step = status.steps.at(-1);
  // The status may be older than the window, or younger: then it is about another soak.
  if (step?.shiftedAt !== live.watchState.soakStartedAt) return undefined;
  const isSoaking = status.phase === 'soaking' && step.provenAt === undefined;
  const left = isSoaking ? Math.max(0, step.soakUntil - at) : undefined;
  const { verdict, reason, code, analysis } = live;
  const further = (analysis ?? []).map((one) => `; ${furtherWords(one)}`).join('');
  return {
    kind: 'numbers',
    text: `${left === undefined ? '' : `${formatDurationRoughly(left)} left; `}${version('blue', blue)}; ${version('green', green)}${further}`,
    data: {
      to,
      intervalMs,
      blue,
      green,
      verdict,
      reason,
      code: code ?? null,
      leftMs: left ?? null,
      ...(analysis && { analysis }),
    },
  };
}

function isOver({ server }: DeploymentSnapshot): boolean {
  return hasEnded(server.state);
}

function phaseChanges(was: DeploymentStatus | undefined, is: DeploymentStatus): Change[] {
  const { phase, phaseSince, greenPercentage } = is;
  // Between two looks a phase may have ended and begun again, as the soak of the next step.
  if ((phase === was?.phase && phaseSince === was.phaseSince) || isClosed(phase)) return [];
  const text = `${PHASE_WORDS[phase]}${atWords(is)} (${trafficWords({ status: is })})`;
  return [{ kind: 'phase', text, data: { phase, since: phaseSince, greenPercentage } }];
}

function checkChanges(was: DeploymentStatus | undefined, is: DeploymentStatus): Change[] {
  return is.checks
    .filter((check) => {
      const past = was?.checks.find(({ id }) => id === check.id);
      const isNew = past?.outcome !== check.outcome || past.result?.checkedAt !== check.result?.checkedAt;
      const isWorth = check.outcome !== 'running' && !(check.outcome === 'waiting' && check.checkedBy === 'worker');
      return isNew && isWorth;
    })
    .map((check) => {
      const { id, outcome, critical, result } = check;
      const data = {
        check: id,
        outcome,
        critical,
        summary: result?.summary ?? null,
        unblock: result?.unblock ?? null,
        ...(result?.forwardOnly && { forwardOnly: result.forwardOnly }),
      };
      const words = [checkWords(check), ...unblockLines(check, unblockInShort)].join('; ');
      return { kind: 'check', text: `check ${id}: ${outcome}: ${words}`, data };
    });
}

/** Others who hold up a check or its remedy: once, however long they do. */
function waitChanges(before: DeploymentSnapshot | undefined, { status, server, at }: DeploymentSnapshot): Change[] {
  return (status?.checks ?? []).filter(isUnderWay).flatMap((check): Change[] => {
    const { doing, waitsFor = [] } = checkProgress(check, server) ?? {};
    const known = (before && checkProgress(check, before.server)?.waitsFor) ?? [];
    const isNew = waitsFor.some(({ who }) => !known.some((past) => past.who === who));
    if (!isNew) return [];
    const held = waitsFor.map((holder) => holderWords(holder, at)).join('; ');
    return [
      {
        kind: 'wait',
        text: `check ${check.id} is held up by ${held}${doing === undefined ? '' : `; it is ${doing}`}`,
        data: { check: check.id, doing: doing ?? null, waitsFor },
      },
    ];
  });
}

function stepChanges(was: DeploymentStatus | undefined, is: DeploymentStatus, paint: Paint): Change[] {
  return is.steps.flatMap((step, index): Change[] => {
    const past = was?.steps[index];
    const { percentage, soakUntil, provenAt, gate, moved } = step;
    const at = `at ${percentage} %`;
    const isLate = step.windows.at(-1)?.code === 'blue-has-traffic';
    const extendedMs = past ? soakUntil - past.soakUntil : 0;
    return [
      ...(extendedMs === 0
        ? []
        : [
            {
              kind: 'soak',
              text: `soak ${at} extended by ${formatDurationRoughly(extendedMs)}: ${isLate ? 'blue still has traffic' : 'not proven healthy yet'}`,
              data: { percentage, what: 'extended', extendedMs, soakUntil },
            } as const,
          ]),
      ...step.windows
        .filter((window) => !past?.windows.some(({ to }) => to === window.to))
        .map((window) => {
          const { verdict, reason, code, from, to, blue, green } = window;
          const data = { percentage, verdict, reason, code: code ?? null, from, to, blue, green };
          return { kind: 'window', text: `window ${at}: ${verdictWords(window, paint)}`, data } as const;
        }),
      ...(moved === undefined || moved.times === past?.moved?.times
        ? []
        : [
            {
              kind: 'soak',
              text: `notice: ${paint.yellow(movedLine(moved))}`,
              data: { percentage, what: 'moved', ...moved },
            } as const,
          ]),
      ...(provenAt === undefined || past?.provenAt !== undefined
        ? []
        : [
            {
              kind: 'soak',
              text: `soak ${at} proven healthy`,
              data: { percentage, what: 'proven', provenAt },
            } as const,
          ]),
      ...(gate?.passedAt === undefined || past?.gate?.passedAt !== undefined
        ? []
        : [
            {
              kind: 'gate',
              text: `gate ${gate.id} passed, approved by ${gate.approvedBy.join(', ')}`,
              data: { gate: gate.id, what: 'passed', approvedBy: gate.approvedBy, passedAt: gate.passedAt },
            } as const,
          ]),
    ];
  });
}

/** The metrics cannot be read, or can again: the numbers that a person saw last are old. */
function metricsChanges(before: DeploymentSnapshot | undefined, { live }: DeploymentSnapshot, paint: Paint): Change[] {
  const wasUnread = before?.live?.problem !== undefined;
  if (!live || wasUnread === (live.problem !== undefined)) return [];
  const text =
    live.problem === undefined ? 'the metrics can be read again' : paint.yellow(`no fresh numbers: ${live.problem}`);
  return [{ kind: 'metrics', text, data: { problem: live.problem ?? null } }];
}

function gateChanges(was: DeploymentStatus | undefined, is: DeploymentStatus): Change[] {
  const gate = openGate(is);
  if (is.phase !== 'awaiting-approval' || was?.phase === 'awaiting-approval' || !gate) return [];
  const { id, required, approvedBy, until } = gate;
  const missing = required - approvedBy.length;
  return [
    {
      kind: 'gate',
      text: [
        `${id} needs ${missingApprovals(gate, is.requestedBy)}; ${withoutAnswer(gate)}`,
        ...forwardOnlyLines(is),
      ].join('. '),
      data: { gate: id, what: 'open', missing, approvedBy, until: until ?? null },
    },
  ];
}

function decisionChanges(was: DeploymentStatus | undefined, is: DeploymentStatus): Change[] {
  return is.decisions
    .filter(
      ({ at, action, check }) =>
        !was?.decisions.some((past) => past.at === at && past.action === action && past.check === check),
    )
    .map((decision) => ({ kind: 'decision', text: `decision: ${decisionWords(decision)}`, data: { ...decision } }));
}

function undeliveredChanges(was: DeploymentStatus | undefined, is: DeploymentStatus): Change[] {
  return (is.undelivered ?? [])
    .filter(({ at, text }) => !was?.undelivered?.some((past) => past.at === at && past.text === text))
    .map(({ at, severity, text, problem }) => ({
      kind: 'undelivered',
      text: `${severity} notification not delivered: ${problem}; it said: ${text}`,
      data: { at, severity, text, problem },
    }));
}

function rollbackChanges(
  { rollback: was }: Partial<DeploymentStatus> = {},
  { rollback: is, plan }: DeploymentStatus,
): Change[] {
  if (!is) return [];
  const targetMs = plan?.recovery.targetMs;
  const target = targetMs === undefined ? '' : `, target ${formatDurationRoughly(targetMs)}`;
  const { cause, reason, round, detectedAt, restored, recovered, recoveryMs, problem, notices } = is;
  const change = (what: string, text: string, data: Change['data']): Change => ({
    kind: 'rollback',
    text: `rollback: ${text}`,
    data: { what, ...data },
  });
  return [
    ...(was ? [] : [change('begun', `${cause}: ${reason}`, { cause, reason, detectedAt })]),
    ...(round > 1 && round !== was?.round ? [change('round', `round ${round}`, { round })] : []),
    ...(restored && !was?.restored
      ? [
          change(
            'restored',
            `${restoredWords(restored)}, ${formatDuration(restored.restoredAt - detectedAt)} after the detection`,
            { restoredAt: restored.restoredAt, afterMs: restored.restoredAt - detectedAt },
          ),
        ]
      : []),
    ...(restored?.greenLeft && !was?.restored?.greenLeft
      ? [change('green-left', `${greenLeftWords(restored)}`, { greenLeft: { ...restored.greenLeft } })]
      : []),
    ...(recovered && !was?.recovered
      ? [
          change(
            'recovered',
            `recovery time ${recoveryMs === undefined ? 'not measured' : formatDuration(recoveryMs)}${target}. ${recoveryWords(recovered)}`,
            { recoveryMs: recoveryMs ?? null, targetMs: targetMs ?? null, accepted: recovered.accepted ?? null },
          ),
        ]
      : []),
    ...(problem !== undefined && problem !== was?.problem
      ? [change('problem', `problem: ${problem}`, { problem })]
      : []),
    ...notices.slice(was?.notices.length ?? 0).map((notice) => change('notice', `notice: ${notice}`, { notice })),
  ];
}
