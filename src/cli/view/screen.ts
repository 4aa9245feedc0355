import { createLogUpdate } from 'log-update';
import { type Change, changes, numbersOf } from './changes.ts';
import { stopwatch } from './format.ts';
import { renderLive } from './live.ts';
import type { Outcome } from './outcome.ts';
import { columns, type Paint, PLAIN, print, printJsonLine, printLines } from './output.ts';
import { renderReport } from './report.ts';
import type { DeploymentSnapshot } from './snapshot.ts';

/** Where a deployment is followed: a view that is made anew in a terminal, lines in anything else, or JSON for programs. */
export interface Screen {
  readonly show: (sight: DeploymentSnapshot) => void;
  /** Shows the same once more: what stands under it has changed. */
  readonly redraw: () => void;
  /** Something that stays in sight, also when the view moves on. */
  readonly note: (line: string) => void;
  /** Takes the view away. */
  readonly end: () => void;
  /** The last word, after `end`. */
  readonly tell: (outcome: Outcome) => void;
  /** The last word where somebody leaves before the end, after `end`. */
  readonly left: (exitCode: number) => void;
}

export interface ScreenOptions {
  readonly paint: Paint;
  readonly json?: boolean;
  /** What stands under a view; lines have nothing under them. */
  readonly footer?: () => readonly string[];
}

export function openScreen({ paint, json = false, footer = () => [] }: ScreenOptions): Screen {
  if (json) return jsonLines();
  return canMoveTheCursor() ? view(paint, footer) : lines(paint);
}

export function canMoveTheCursor(stream: NodeJS.WriteStream = process.stdout): boolean {
  return stream.isTTY && process.env['TERM'] !== 'dumb';
}

const WIPE = '\u001b[2J\u001b[H';

function view(paint: Paint, footer: () => readonly string[]): Screen {
  const { stdout } = process;
  const update = createLogUpdate(stdout);
  let last: DeploymentSnapshot | undefined;
  const redraw = (): void => {
    const room = { columns: columns(), rows: stdout.rows || 24 };
    if (last) update(renderLive(last, room, paint, footer()).join('\n'));
  };
  // The terminal has broken the lines anew by itself: where they begin is not known any more.
  const resized = (): void => {
    update.clear();
    stdout.write(WIPE);
    redraw();
  };
  stdout.on('resize', resized);
  return {
    show(sight) {
      last = sight;
      redraw();
    },
    redraw,
    note: (line) => update.persist(line),
    end() {
      last = undefined;
      stdout.off('resize', resized);
      update.clear();
      update.done();
    },
    tell: (outcome) => printLines(renderReport(outcome, paint, columns())),
    left() {},
  };
}

/** A soak of ten minutes and more does not fill a log. */
const NUMBERS_EVERY_MS = 5_000;
const NUMBERS_PER_SOAK = 20;

function lines(paint: Paint): Screen {
  let before: DeploymentSnapshot | undefined;
  let startedAt = Date.now();
  let numbersAt = 0;
  let numbersTo = 0;
  const say = (line: string): void => print(`${paint.dim(stopwatch(Date.now() - startedAt))}  ${line}`);
  return {
    show(sight) {
      startedAt = sight.server.startedAt;
      for (const { text } of changes(before, sight, paint)) say(text);
      before = sight;
      const numbers = numbersOf(sight, numbersTo);
      const soakMs = sight.status?.plan?.traffic[sight.status.steps.length - 1]?.soakMs ?? 0;
      if (numbers === undefined || sight.at - numbersAt < Math.max(NUMBERS_EVERY_MS, soakMs / NUMBERS_PER_SOAK)) return;
      numbersAt = sight.at;
      numbersTo = numbers.data.to;
      say(numbers.text);
    },
    redraw() {},
    note: say,
    end() {},
    tell: (outcome) => printLines(renderReport(outcome, paint, columns())),
    left() {},
  };
}

/** One object a line; docs/watch.md says what is in it. */
function jsonLines(): Screen {
  let before: DeploymentSnapshot | undefined;
  let numbersTo = 0;
  const say = ({ kind, text, data }: Change): void => printJsonLine({ at: Date.now(), kind, text, data });
  return {
    show(sight) {
      for (const change of changes(before, sight, PLAIN)) say(change);
      before = sight;
      const numbers = numbersOf(sight, numbersTo);
      if (!numbers) return;
      numbersTo = numbers.data.to;
      say(numbers);
    },
    redraw() {},
    note() {},
    end() {},
    tell: ({ exitCode, summary, report }) =>
      say({
        kind: 'outcome',
        text: summary,
        data: { exitCode, phase: before?.status?.phase ?? null, report: report ?? null },
      }),
    left: (exitCode) => say({ kind: 'left', text: 'stopped watching; the deployment continues', data: { exitCode } }),
  };
}
