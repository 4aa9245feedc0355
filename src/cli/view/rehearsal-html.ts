import type { Backtest, Percentiles } from '../../backtest/index.ts';
import { count, grouped } from '../../format/index.ts';
import { escapeHtml } from '../../report/index.ts';
import { clock, formatDurationRoughly } from './format.ts';
import {
  findingSentences,
  healthySentences,
  lengthOf,
  METRIC_WORDS,
  pastSentences,
  percent,
  ruleWords,
  type Subject,
  stepWords,
} from './rehearsal-format.ts';
import { curvePlot, timePlots, weekPlot } from './rehearsal-svg.ts';
import { shareRolledBack, worstSoaks } from './rehearsal-when.ts';

const WORST_SHOWN = 20;

/** A rehearsal as one page that needs no other file and no network, light or dark as its reader's system is. Pure. */
export function rehearsalPage({ service, environment }: Subject, rehearsal: Backtest): string {
  const { past, healthy, regressions, step, notices, seed } = rehearsal;
  const title = escapeHtml(`Rehearsal: ${service} in ${environment}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p class="quiet">${escapeHtml(
    `${clock(past.from)} to ${clock(past.to)}: ${count(past.soaks, 'soak')}, ${grouped(past.total.requests)} requests. ` +
      `First step: ${stepWords(rehearsal)}. Limits: ${ruleWords(rehearsal)}. Seed ${seed}.`,
  )}</p>
${notices.map((notice) => `<p class="notice">${escapeHtml(notice)}</p>`).join('\n')}
<h2>A healthy release</h2>
${paragraphs(healthySentences(rehearsal))}
${timePlots(rehearsal)}
${weekPlot(rehearsal)}
${table(
  ['soak of the past', 'rolled back', 'why'],
  worstSoaks(healthy.soaks, WORST_SHOWN).map((soak) => [
    clock(soak.at),
    percent(shareRolledBack([soak])),
    soak.reason ?? '',
  ]),
)}
<h2>A bad release, at this traffic</h2>
${paragraphs(findingSentences(rehearsal))}
${curvePlot(rehearsal)}
${table(
  ['fails', `found in ${formatDurationRoughly(step.soakMs)}`, 'passed as healthy', 'half found in', '95 % found in'],
  regressions.map((one) => [
    percent(one.added),
    `${percent(one.foundInSoak.rate)} (${percent(one.foundInSoak.low)} to ${percent(one.foundInSoak.high)})`,
    percent(one.passed.rate),
    lengthOf(one.medianMs, one),
    lengthOf(one.mostMs, one),
  ]),
)}
<h2>The past</h2>
${paragraphs(pastSentences(rehearsal))}
${table(
  ['', '5 of 100 below', 'half below', '95 of 100 below', 'most'],
  [
    ['requests a second', ...values(past.requestsPerSecond, (value) => String(Number(value.toPrecision(3))))],
    ...past.metrics.map(({ name, share }) => [`${METRIC_WORDS[name].bad}, a soak`, ...values(share, percent)]),
  ],
)}
</body>
</html>
`;
}

function values({ p5, p50, p95, max }: Percentiles, words: (value: number) => string): string[] {
  return [p5, p50, p95, max].map(words);
}

function paragraphs(sentences: readonly string[]): string {
  return sentences
    .map((sentence, index) => `<p${index === 0 ? ' class="lead"' : ''}>${escapeHtml(sentence)}</p>`)
    .join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table><thead>${line(head, 'th')}</thead><tbody>${rows.map((row) => line(row, 'td')).join('')}</tbody></table></div>`;
}

/** Text keeps its own colours; one accent for what is measured, one for what is bad. */
const STYLE = `
:root { --page: #fcfcfb; --ink: #1c1c1a; --quiet: #63625e; --line: #dddcd7; --accent: #2a6fbb; --bad: #c2402f; --soft: #2a6fbb26; }
@media (prefers-color-scheme: dark) {
  :root { --page: #191918; --ink: #ecebe6; --quiet: #a3a29b; --line: #3a3936; --accent: #6aa9ea; --bad: #f0796a; --soft: #6aa9ea33; }
}
body { background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0.25rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p { margin: 0.4rem 0; } .lead { font-size: 1.1rem; font-weight: 600; } .quiet { color: var(--quiet); }
.notice { border-left: 3px solid var(--bad); padding-left: 0.75rem; }
figure { margin: 1.25rem 0; } figcaption { color: var(--quiet); font-size: 0.85rem; margin-bottom: 0.25rem; }
svg { width: 100%; height: auto; display: block; overflow: visible; }
svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; } svg .axis { stroke: var(--line); stroke-width: 1; }
svg .area { fill: var(--soft); } svg .curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
svg .limit { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 4 3; } svg .bad { fill: var(--bad); } svg .none { fill: var(--line); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; margin-top: 0.75rem; }
th, td { text-align: left; padding: 0.3rem 1.25rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
`;
