import type { Backtest, Percentiles, RehearsedSoak } from '../../backtest/index.ts';
import { count, grouped } from '../../format/index.ts';
import { bar, clock, formatDurationRoughly } from './format.ts';
import { clip, wrap } from './layout.ts';
import type { Paint } from './output.ts';
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
import { byHour, inColumns, shareRolledBack, sumOf, WEEKDAYS, worstSoaks } from './rehearsal-when.ts';

interface Screen {
  readonly paint: Paint;
  readonly width: number;
}

const WORST_SHOWN = 5;
const DAY_MS = 86_400_000;

/** A rehearsal as text: sentences, tables and plots, none wider than `width`. Pure. */
export function renderRehearsal({ service, environment }: Subject, rehearsal: Backtest, screen: Screen): string[] {
  const { paint, width } = screen;
  const { past, notices } = rehearsal;
  const section = (title: string, sentences: readonly string[], ...lines: readonly string[]) => [
    '',
    paint.bold(title),
    ...sentences.map((sentence) => `  ${sentence}`),
    ...(sentences.length > 0 && lines.length > 0 ? [''] : []),
    ...lines.map((line) => `  ${line}`),
  ];
  const lines = [
    `${paint.bold('REHEARSAL')}  ${service} in ${environment}`,
    `  past        ${clock(past.from)} to ${clock(past.to)}: ${count(past.soaks, 'soak')}, ${grouped(past.total.requests)} requests`,
    `  first step  ${stepWords(rehearsal)}`,
    `  limits      ${ruleWords(rehearsal)}`,
    ...notices.map((notice) => paint.yellow(`  notice      ${notice}`)),
    ...section('A healthy release', healthySentences(rehearsal), ...worstLines(rehearsal, screen)),
    ...section('A bad release, at this traffic', findingSentences(rehearsal), ...findingTable(rehearsal)),
    ...section('The past', pastSentences(rehearsal), ...pastTable(rehearsal)),
    ...section('Over time, each column an equal part', [], ...timeline(rehearsal, screen)),
    ...weekLines(rehearsal, section),
  ];
  return lines.flatMap((line) => wrap(line, width));
}

function worstLines({ healthy }: Backtest, { paint, width }: Screen): string[] {
  return worstSoaks(healthy.soaks, WORST_SHOWN).map((soak) =>
    paint.dim(
      clip(`${clock(soak.at)}  ${percent(shareRolledBack([soak]))} rolled back: ${soak.reason ?? ''}`, width - 2),
    ),
  );
}

function findingTable({ regressions, step }: Backtest): string[] {
  const rows = regressions.map((regression) => {
    const { added, foundInSoak, passed } = regression;
    return [
      percent(added),
      `${bar(foundInSoak.rate, 14)} ${percent(foundInSoak.rate)}`,
      percent(passed.rate),
      lengthOf(regression.medianMs, regression),
      lengthOf(regression.mostMs, regression),
    ];
  });
  return table([
    ['fails', `found in ${formatDurationRoughly(step.soakMs)}`, 'passed', 'half found in', '95 % found in'],
    ...rows,
  ]);
}

function pastTable({ past }: Backtest): string[] {
  const row = (what: string, { p5, p50, p95, max }: Percentiles, words: (value: number) => string) => [
    what,
    ...[p5, p50, p95, max].map(words),
  ];
  return table([
    ['', '5 of 100 below', 'half below', '95 below', 'most'],
    row('requests a second', past.requestsPerSecond, (value) => String(Number(value.toPrecision(3)))),
    ...past.metrics.map(({ name, share }) => row(`${METRIC_WORDS[name].bad}, a soak`, share, percent)),
  ]);
}

const LEVELS = '▁▂▃▄▅▆▇█';

function timeline({ healthy, past, step }: Backtest, { width }: Screen): string[] {
  const columns = inColumns(healthy.soaks, Math.max(10, width - 30));
  const plot = (label: string, of: (soaks: readonly RehearsedSoak[]) => number, words: (most: number) => string) => {
    const values = columns.map(of);
    const most = Math.max(...values);
    const characters = values.map((value) =>
      value > 0 ? (LEVELS[Math.min(7, Math.floor((8 * value) / most))] ?? '█') : ' ',
    );
    return `${label.padEnd(12)}${characters.join('')}  most ${words(most)}`;
  };
  const shareOf = (name: 'failed' | 'slow') => (soaks: readonly RehearsedSoak[]) =>
    sumOf(soaks, (soak) => soak[name]) /
    Math.max(
      1,
      sumOf(soaks, ({ requests }) => requests),
    );
  const perSecond = (soaks: readonly RehearsedSoak[]) =>
    (1_000 * sumOf(soaks, ({ requests }) => requests)) / (soaks.length * step.soakMs);
  return [
    plot('requests', perSecond, (most) => `${Number(most.toPrecision(3))}/s`),
    ...past.metrics.map(({ name }) => plot(METRIC_WORDS[name].bad, shareOf(METRIC_WORDS[name].bad), percent)),
    plot('rolled back', shareRolledBack, percent),
  ];
}

/** Only where there is something to see: a day or more of which a part was rolled back. */
function weekLines(
  { healthy, past }: Backtest,
  section: (title: string, sentences: readonly string[], ...lines: readonly string[]) => string[],
): string[] {
  if (healthy.rolledBack.hits === 0 || past.to - past.from < DAY_MS) return [];
  const rows = byHour(healthy.soaks).map((hours, day) => {
    const characters = hours.map(({ releases, rolledBack }) => {
      if (releases === 0) return ' ';
      if (rolledBack === 0) return '·';
      const tenths = Math.floor((10 * rolledBack) / releases);
      return tenths === 0 ? '+' : String(Math.min(9, tenths));
    });
    return `${WEEKDAYS[day]}  ${characters.join(' ')}`.trimEnd();
  });
  const legend = '· none, + under 10 %, 1 to 9 tenths';
  return section(
    `When it would have been rolled back, by hour of local time (${legend})`,
    [],
    `     ${hourScale()}`.trimEnd(),
    ...rows,
  );
}

function hourScale(): string {
  return Array.from({ length: 24 }, (_, hour) => (hour % 6 === 0 ? String(hour).padEnd(2) : '  ')).join('');
}

/** Columns as wide as they have to be. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
