import { dateTime, timeOfDay } from '../format/index.ts';
import type { ReportDocument } from './document.ts';
import { toReportView } from './view-model.ts';

/** The report as GitHub's Markdown, for a pull request or a chat. Pure. */
export function markdownOf(document: ReportDocument): string {
  const { badge, tone, title, lead, facts, why, timeline, soaks, rollback, decisions, undelivered, checks, about } =
    toReportView(document);
  return `${[
    `# ${TONES[tone]} ${plain(title)}: ${badge.toLowerCase()}`,
    `**${plain(lead)}**`,
    list(facts.map(([name, value]) => `**${name}:** ${plain(value)}`)),
    ...section('Why', why.length > 0 ? [list(why.map(plain))] : []),
    ...section(
      'Soaks',
      soaks.flatMap(({ title: soak, sentences, charts }) => [
        `### ${soak}`,
        list([...sentences, ...charts.map(({ title: chart, words }) => `${chart}: ${words}`)].map(plain)),
      ]),
    ),
    ...section(
      'Rollback',
      rollback ? [table(['what', 'at', 'since it was known'], rollback.rows), list(rollback.notes.map(plain))] : [],
    ),
    ...section('Decisions', decisions.length > 0 ? [table(['at', 'what', 'who', 'why', ''], decisions)] : []),
    ...section('Notifications not delivered', undelivered.length > 0 ? [list(undelivered.map(plain))] : []),
    ...section(
      'Checklist',
      checks.length > 0
        ? [
            table(
              ['check', 'outcome', 'found'],
              checks.map((check) => [
                `${check.title}${check.critical ? ' (critical)' : ''}`,
                check.outcome,
                [check.summary, ...check.notes].join('; '),
              ]),
            ),
          ]
        : [],
    ),
    ...section('Timeline', [
      `From ${dateTime(document.startedAt)}:`,
      list(timeline.map(({ at, text }) => `${timeOfDay(at)} ${plain(text)}`)),
    ]),
    ...section('About this report', [list(about.map(plain))]),
  ].join('\n\n')}\n`;
}

/** Signs that every chat and terminal shows. */
const TONES = { good: '✔', bad: '✘', quiet: '■' } as const;

function section(title: string, parts: readonly string[]): string[] {
  return parts.length > 0 ? [`## ${title}`, ...parts] : [];
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((cells) => line(cells.map(plain)))].join('\n');
}

/** Text of others becomes neither markup, nor a link, a mention of a person, a new line or a new cell. */
export function plain(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[\\`*_{}[\]|~#>]/g, String.raw`\$&`)
    .replace(/@(?=\w)/g, '@\u200b')
    .replace(/(https?|www)(?=[:.])/gi, '$1\u200b');
}
