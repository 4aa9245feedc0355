import { dateTime, timeOfDay } from '../format/index.ts';
import { chartSvg } from './charts.ts';
import type { ReportDocument } from './document.ts';
import { escapeHtml } from './escape-html.ts';
import { STYLE } from './style.ts';
import type { CheckView } from './view-checks.ts';
import { type ReportView, toReportView } from './view-model.ts';
import type { SoakView } from './view-soaks.ts';

/** The report as one page that needs no other file, no network and no script. Pure. */
export function htmlOf(document: ReportDocument): string {
  const { badge, title } = toReportView(document);
  return pageOf(`${badge}: ${title}`, mainOf(document));
}

/** A page around what is in it. */
export function pageOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** What a page says of one deployment. */
export function mainOf(document: ReportDocument): string {
  const story = toReportView(document);
  const { badge, tone, title, lead, facts, why, timeline, decisions, undelivered, about } = story;
  return `<main>
<header class="${tone}">
<h1>${escapeHtml(title)}: <strong>${escapeHtml(badge.toLowerCase())}</strong></h1>
<p class="lead">${escapeHtml(lead)}</p>
</header>
<dl class="facts">
${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('\n')}
</dl>
${section('Why', why.map((line) => `<p>${escapeHtml(line)}</p>`).join('\n'))}
${section(
  'Timeline',
  `<p class="quiet">${escapeHtml(`From ${dateTime(document.startedAt)}.`)}</p>
<ol class="timeline">
${timeline.map(({ at, text, tone: how }) => `<li class="${how}"><time datetime="${new Date(at).toISOString()}">${timeOfDay(at)}</time> <span>${escapeHtml(text)}</span></li>`).join('\n')}
</ol>`,
)}
${story.soaks.map((soak) => soakSection(soak, document)).join('\n')}
${rollbackSection(story)}
${section('Decisions', table(['at', 'what', 'who', 'why', ''], decisions))}
${section('Notifications not delivered', list(undelivered))}
${section('Checklist', story.checks.map(checkArticle).join('\n'))}
${section('About this report', list(about))}
</main>`;
}

function section(title: string, body: string): string {
  return body === '' ? '' : `<section>\n<h2>${escapeHtml(title)}</h2>\n${body}\n</section>`;
}

function soakSection(
  { title, sentences, charts, marks, series, windows }: SoakView,
  { version, blue }: ReportDocument,
): string {
  const legend = `<p class="legend" aria-hidden="true"><span class="key-green">${escapeHtml(version)} (green)</span> <span class="key-blue">${escapeHtml(blue ?? '')} (blue)</span> <span class="key-limit">limit</span></p>`;
  const figures = charts.map(
    (chart) => `<figure role="img" aria-label="${escapeHtml(`${chart.title}. ${chart.words}`)}">
<div class="chart-title" aria-hidden="true">${escapeHtml(chart.title)}</div>
${chartSvg(chart, series, marks)}
<figcaption>${escapeHtml(chart.words)}</figcaption>
</figure>`,
  );
  return section(
    title,
    `${sentences.map((line) => `<p>${escapeHtml(line)}</p>`).join('\n')}
${figures.length === 0 ? '' : `${legend}\n<div class="charts">\n${figures.join('\n')}\n</div>`}
${windows.length === 0 ? '' : `<details><summary>How each window was judged</summary>\n${table(['window', 'verdict', 'why'], windows)}\n</details>`}`,
  );
}

function rollbackSection({ rollback }: ReportView): string {
  if (!rollback) return '';
  return section('Rollback', `${table(['what', 'at', 'since it was known'], rollback.rows)}\n${list(rollback.notes)}`);
}

function checkArticle({ title, group, critical, outcome, tone, summary, evidence, notes }: CheckView): string {
  return `<article class="check ${tone}">
<h3>${escapeHtml(title)} <strong>${escapeHtml(outcome)}</strong></h3>
<p class="quiet">${escapeHtml(group)}${critical ? ', critical' : ''}</p>
<p>${escapeHtml(summary)}</p>
${list(notes)}
${table(['checked', 'found', 'required'], evidence)}
</article>`;
}

function list(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `<ul>\n${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('\n')}\n</ul>`;
}

/** On a phone each row becomes a small block whose cells name their column. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const cells = (row: readonly string[]): string =>
    row.map((cell, index) => `<td data-head="${escapeHtml(head[index] ?? '')}">${escapeHtml(cell)}</td>`).join('');
  return `<table><thead><tr>${head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('')}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody></table>`;
}
