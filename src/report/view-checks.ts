import { timeOfDay } from '../format/index.ts';
import type { ReportDocument } from './document.ts';

/** One item of the checklist, in words. */
export interface CheckView {
  readonly title: string;
  readonly group: string;
  readonly critical: boolean;
  readonly outcome: string;
  readonly tone: 'good' | 'bad' | 'quiet';
  readonly summary: string;
  /** What was measured, what was found, what is required. */
  readonly evidence: readonly (readonly string[])[];
  /** What people and remedies did about it. */
  readonly notes: readonly string[];
}

export function checksOf({ checks }: ReportDocument): CheckView[] {
  return checks.map(({ title, group, critical, outcome, result, decidedBy, remedies, statement }) => ({
    title,
    group,
    critical,
    outcome,
    tone: TONES[outcome] ?? 'quiet',
    summary: result?.summary ?? (decidedBy && statement) ?? 'Not measured.',
    evidence: (result?.evidence ?? []).map(({ what, measured, required }) => [what, measured, required ?? '']),
    notes: [
      ...(decidedBy
        ? [
            `${outcome} by ${decidedBy.by} at ${timeOfDay(decidedBy.at)}${decidedBy.reason === undefined ? '' : `: ${decidedBy.reason}`}`,
          ]
        : []),
      ...(remedies ?? []).map(
        ({ by, done, summary, startedAt }) =>
          `remedy at ${timeOfDay(startedAt)}, for ${by}: ${summary}${done ? '' : ' (it did not help)'}`,
      ),
      ...(result?.unblock === undefined || TONES[outcome] === 'good' ? [] : [`to fix it: ${result.unblock}`]),
    ],
  }));
}

const TONES: Readonly<Record<string, CheckView['tone']>> = {
  passed: 'good',
  attested: 'good',
  failed: 'bad',
  unmeasured: 'bad',
};
