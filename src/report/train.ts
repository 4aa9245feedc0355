import { STATE_WORDS, type TrainStatus } from '../domain/index.ts';
import { dateTime } from '../format/index.ts';
import type { ReportDocument } from './document.ts';
import { escapeHtml } from './escape-html.ts';
import { markdownOf, table as markdownTable, plain } from './markdown.ts';
import type { Format } from './render.ts';

/** The report of a train: what became of it, then the reports of its deployments and of their rollbacks, in their order. */
export interface TrainDocument {
  readonly train: TrainStatus;
  readonly deployments: readonly ReportDocument[];
}

/** As a text. Pure, but for the charts' library that is loaded for HTML alone. */
export async function renderTrain(format: Format, document: TrainDocument): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'md':
      return markdown(document);
    case 'html':
      return html(document);
  }
}

const HEAD = ['stage', 'service', 'environment', 'version', 'state', 'from', 'to'];

function rowsOf({ stages }: TrainStatus): string[][] {
  const at = (time: number | undefined): string => (time === undefined ? '' : dateTime(time));
  return stages.flatMap(({ name, deployments }) =>
    deployments.map(({ service, environment, version, state, startedAt, endedAt }) => [
      name,
      service,
      environment,
      version,
      STATE_WORDS[state],
      at(startedAt),
      at(endedAt),
    ]),
  );
}

function markdown({ train, deployments }: TrainDocument): string {
  return [
    `# ${train.phase === 'completed' ? '✔' : '✘'} Train ${plain(train.name)}: ${train.phase}`,
    `**${plain(train.outcome ?? '')}**`,
    ...facts(train).map(([name, value]) => `- **${name}:** ${plain(value)}`),
    markdownTable(HEAD, rowsOf(train)),
    ...deployments.flatMap((one) => ['---', markdownOf(one).trimEnd()]),
    '',
  ].join('\n\n');
}

async function html({ train, deployments }: TrainDocument): Promise<string> {
  const { mainOf, pageOf, table } = await import('./html.ts');
  const title = `Train ${train.name}: ${train.phase}`;
  const own = `<main>
<header class="${train.phase === 'completed' ? 'good' : 'bad'}">
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(train.outcome ?? '')}</p>
</header>
<dl class="facts">
${facts(train)
  .map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`)
  .join('\n')}
</dl>
${table(HEAD, rowsOf(train))}
</main>`;
  return pageOf(title, [own, ...deployments.map(mainOf)].join('\n<hr>\n'));
}

function facts({ requestedBy, reason, startedAt, phaseSince, onRollback }: TrainStatus): [string, string][] {
  return [
    ...(requestedBy === undefined ? [] : ([['Requested by', requestedBy]] as [string, string][])),
    ...(reason === undefined ? [] : ([['Reason', reason]] as [string, string][])),
    ['From', dateTime(startedAt)],
    ['To', dateTime(phaseSince)],
    ...(onRollback === undefined ? [] : ([['If one is rolled back', onRollback]] as [string, string][])),
  ];
}
