import { type CheckStatus, currentStep, type DeploymentStatus, type FinishedWindow, waitingFor } from './status.ts';

/** The UI takes 20 KB, and a letter may take three bytes. */
const LONGEST = 6_500;
/** What comes first may say more than a line of a list. */
const LONGEST_WORDS = 1_500;

/** The status as markdown for the Temporal UI's "current details" (at most 20 KB there). Timestamps are UTC. */
export function renderDetails(status: DeploymentStatus): string {
  const wait = waitingFor(status);
  const step = currentStep(status);
  return [
    `## ${plain(status.service)} ${plain(status.version)} to ${plain(status.environment)}: ${status.phase}`,
    ...(status.outcome ? [plain(status.outcome, LONGEST_WORDS)] : []),
    `Green has ${status.greenPercentage} % of the traffic${status.plan ? `; blue is ${status.plan.target.blue}` : ''}.`,
    ...(wait
      ? [
          `**Waits for** ${plain(wait.what, LONGEST_WORDS)}${wait.until === undefined ? '' : `, until ${time(wait.until)}`}. **Unblocked by** ${plain(wait.unblockedBy, LONGEST_WORDS)}.`,
        ]
      : []),
    ...(status.checks.length > 0 ? ['### Checklist', ...status.checks.map(renderCheck)] : []),
    ...(step
      ? [`### Soak at ${step.percentage} %, until ${time(step.soakUntil)}`, ...step.windows.slice(-6).map(renderWindow)]
      : []),
    ...(step?.gate
      ? [
          `Gate ${step.gate.id}: ${step.gate.approvedBy.length} of ${step.gate.required} approvals${step.gate.approvedBy.length > 0 ? ` (${step.gate.approvedBy.map(plain).join(', ')})` : ''}`,
        ]
      : []),
    ...renderRollback(status),
    ...status.decisions
      .slice(-5)
      .map(
        (one) =>
          `- ${time(one.at)} ${one.action} by ${plain(one.by)}${one.taken ? '' : ` (ignored: ${plain(one.why ?? '')})`}${one.reason ? `: ${plain(one.reason)}` : ''}`,
      ),
  ]
    .join('\n\n')
    .slice(0, LONGEST);
}

function renderCheck(check: CheckStatus): string {
  const who = check.decidedBy
    ? ` by ${plain(check.decidedBy.by)}${check.decidedBy.reason ? `: ${plain(check.decidedBy.reason)}` : ''}`
    : '';
  return `- **${check.outcome}**${who} ${check.title}${check.critical ? ' (critical)' : ''}${check.result ? `: ${plain(check.result.summary)}` : ''}`;
}

function renderWindow(window: FinishedWindow): string {
  return `- ${time(window.from)} to ${time(window.to)} **${window.verdict}**: ${plain(window.reason)}`;
}

function renderRollback({ rollback }: DeploymentStatus): string[] {
  if (!rollback) return [];
  const recovered =
    rollback.recoveryMs === undefined
      ? 'not recovered yet'
      : `recovered in ${(rollback.recoveryMs / 1000).toFixed(1)} s`;
  return [
    `### Rollback (round ${rollback.round}): ${recovered}`,
    plain(rollback.reason),
    ...(rollback.problem ? [`**Problem:** ${plain(rollback.problem)}`] : []),
    ...rollback.notices.map((notice) => `- ${plain(notice)}`),
  ];
}

function time(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** Text of others must not become markup in somebody's browser, nor new lines in a list. */
function plain(text: string, longest = 300): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[<>[\]`*_|\\]/g, (sign) => `\\${sign}`)
    .slice(0, longest);
}
