import {
  availableDecisions,
  type CheckStatus,
  currentStep,
  cutShort,
  type DecisionRecord,
  type DeploymentStatus,
  type FinishedWindow,
  furtherWords,
  greenLeftWords,
  isClosed,
  isUnderWay,
  openGate,
  recoveryWords,
  rollbackPromise,
  type StepStatus,
  titleOf,
  waitingFor,
} from '../domain/index.ts';
import { capitalized, dateTime, timeOfDay } from '../format/index.ts';

/** The UI takes 20 KB, and a letter may take three bytes. */
const LONGEST = 6_500;
/** What comes first may say more than a line of a list. */
const LONGEST_WORDS = 1_500;

/**
 * The status as markdown for the Temporal UI's "current details" (at most 20 KB there): what is going on and what is asked
 * of people first. Times are UTC.
 */
export function renderDetails(status: DeploymentStatus): string {
  return [
    `## ${plain(titleOf(status))}: ${status.phase}`,
    ...(status.outcome ? [plain(status.outcome, LONGEST_WORDS)] : []),
    `Green has ${status.greenPercentage} % of the traffic${status.plan ? `; blue is ${status.plan.target.blue}` : ''}.${isClosed(status.phase) ? '' : ' Press R for what holds now.'}`,
    ...renderKeptBlue(status),
    ...renderPromise(status),
    ...renderWait(status),
    ...renderReport(status),
    ...renderUndelivered(status),
    ...renderRollback(status),
    ...renderStep(status),
    ...(status.checks.length > 0 ? ['### Checklist', list(status.checks.map(renderCheck))] : []),
    ...(status.decisions.length > 0 ? ['### Decisions', list(status.decisions.slice(-5).map(renderDecision))] : []),
  ]
    .join('\n\n')
    .slice(0, LONGEST);
}

/** One list, not one paragraph per line: a whole soak fits on a screen. */
function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

/** Before a decision about more traffic; the outcome of a rollback says it itself. */
function renderPromise(status: DeploymentStatus): string[] {
  const promise = rollbackPromise(status);
  return promise === undefined ? [] : [`**Forward-only:** ${plain(promise, LONGEST_WORDS)}.`];
}

function renderKeptBlue({ blueKeptUntil: until }: DeploymentStatus): string[] {
  return until === undefined ? [] : [`Blue is kept until ${dateTime(until)}: \`bluegreen rollback\` goes back to it.`];
}

function renderWait(status: DeploymentStatus): string[] {
  const wait = waitingFor(status);
  const possible = availableDecisions(status);
  return [
    ...(wait
      ? [
          `**Waits for** ${plain(wait.what, LONGEST_WORDS)}${wait.until === undefined ? '' : `, until ${dateTime(wait.until)}`}. **Unblocked by** ${plain(wait.unblockedBy, LONGEST_WORDS)}.`,
        ]
      : []),
    ...(possible.length > 0
      ? [
          '**To answer:** *More Actions*, *Send an Update*, *decide*, and one of these, with what is yours to say filled in:',
          list(possible.map((answer) => `\`${JSON.stringify(answer)}\``)),
        ]
      : []),
    ...(openGate(status)?.identity === 'principal' && possible.some(({ action }) => action === 'approve')
      ? [
          '**To approve, choose _Send a Signal_, _approve_ instead,** without the `action`: of an update the server records no sender.',
        ]
      : []),
  ];
}

function renderStep(status: DeploymentStatus): string[] {
  const step = currentStep(status);
  if (!step) return [];
  const { percentage, windows, analysis, gate } = step;
  return [
    `### Soak at ${percentage} %, ${howFar(step, status)}`,
    ...(windows.length > 0 ? [list(windows.slice(-6).map(renderWindow))] : []),
    ...(analysis ? [list(analysis.map((one) => plain(`${furtherWords(one)}: ${one.reason}`)))] : []),
    ...(gate
      ? [
          `Gate ${gate.id}: ${gate.approvedBy.length} of ${gate.required} approvals${gate.approvedBy.length > 0 ? ` (${gate.approvedBy.map((by) => plain(by)).join(', ')})` : ''}`,
        ]
      : []),
  ];
}

function howFar(step: StepStatus, status: DeploymentStatus): string {
  const { provenAt, soakUntil } = step;
  const cut = cutShort(step, status);
  const proven = provenAt === undefined ? undefined : `proven healthy at ${dateTime(provenAt)}`;
  if (!cut) return proven ?? `until ${dateTime(soakUntil)}`;
  const ended = `${cut.by} at ${dateTime(cut.at)}`;
  return proven === undefined ? `ended by ${ended}` : `${proven}, then ended at the open gate by ${ended}`;
}

function renderDecision(one: DecisionRecord): string {
  return `${dateTime(one.at)}: ${one.action} by ${plain(one.by)}${one.taken ? '' : ` (ignored: ${plain(one.why ?? '')})`}${one.reason ? `: ${plain(one.reason)}` : ''}`;
}

function renderCheck(check: CheckStatus): string {
  const who = check.decidedBy
    ? ` by ${plain(check.decidedBy.by)}${check.decidedBy.reason ? `: ${plain(check.decidedBy.reason)}` : ''}`
    : '';
  const outcome = isUnderWay(check) ? `${check.outcome}, see Pending Activities` : check.outcome;
  return `**${outcome}**${who}: ${plain(check.title)}${check.critical ? ' (critical)' : ''}${check.result ? `: ${plain(check.result.summary)}` : ''}`;
}

function renderWindow(window: FinishedWindow): string {
  return `${timeOfDay(window.from)} to ${timeOfDay(window.to)} UTC **${window.verdict}**: ${plain(window.reason)}`;
}

function renderRollback({ rollback }: DeploymentStatus): string[] {
  if (!rollback) return [];
  const { recovered, recoveryMs, restored } = rollback;
  const left = greenLeftWords(restored);
  const state = recovered
    ? recoveryMs === undefined
      ? 'over'
      : `recovered in ${(recoveryMs / 1000).toFixed(1)} s`
    : 'not recovered yet';
  return [
    `### Rollback (round ${rollback.round}): ${state}`,
    ...(recovered ? [plain(recoveryWords(recovered), LONGEST_WORDS)] : []),
    plain(rollback.reason),
    ...(left === undefined ? [] : [`**${capitalized(left)}.**`]),
    ...(rollback.problemBefore
      ? [
          `**Round ${rollback.round - 1} failed:** ${plain(rollback.problemBefore)}. For this round see _Pending Activities_.`,
        ]
      : []),
    ...(rollback.problem ? [`**Problem:** ${plain(rollback.problem)}`] : []),
    ...(rollback.notices.length > 0 ? [list(rollback.notices.map((notice) => plain(notice)))] : []),
  ];
}

function renderReport({ report }: DeploymentStatus): string[] {
  if (!report) return [];
  return 'where' in report
    ? [`Report: ${plain(report.where)} in the workers' state.`]
    : [
        `**The report could not be written:** ${plain(report.problem)}. \`bluegreen report\` makes it from the history.`,
      ];
}

function renderUndelivered({ undelivered = [] }: DeploymentStatus): string[] {
  if (undelivered.length === 0) return [];
  return [
    '### Notifications not delivered',
    list(
      undelivered
        .slice(-3)
        .map(({ at, severity, text, problem }) => `${dateTime(at)}, ${severity}: ${plain(text)} **${plain(problem)}**`),
    ),
  ];
}

/** Text of others must not become markup in somebody's browser, nor new lines in a list. */
function plain(text: string, longest = 300): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[<>[\]`*_|\\]/g, (character) => `\\${character}`)
    .slice(0, longest);
}
