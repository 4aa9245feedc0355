import { createLogUpdate } from 'log-update';
import { changes, liveLine } from './changes.ts';
import { renderLive } from './live.ts';
import { columns, type Paint, print } from './output.ts';
import type { Sight } from './sight.ts';
import { stopwatch } from './words.ts';

/** Where a deployment is followed: a view that is made anew in a terminal, lines in anything else. */
export interface Screen {
  /** `footer` stands under the view, and is left out of lines. */
  readonly show: (sight: Sight, footer?: readonly string[]) => void;
  /** Something that stays in sight, also when the view moves on. */
  readonly note: (line: string) => void;
  /** Takes the view away. */
  readonly end: () => void;
}

export function openScreen(paint: Paint): Screen {
  return canMoveTheCursor() ? view(paint) : lines(paint);
}

export function canMoveTheCursor(stream: NodeJS.WriteStream = process.stdout): boolean {
  return stream.isTTY && process.env['TERM'] !== 'dumb';
}

function view(paint: Paint): Screen {
  const update = createLogUpdate(process.stdout);
  return {
    show(sight, footer = []) {
      const room = { columns: columns(), rows: process.stdout.rows || 24 };
      update(renderLive(sight, room, paint, footer).join('\n'));
    },
    note: (line) => update.persist(line),
    end() {
      update.clear();
      update.done();
    },
  };
}

/** A soak of ten minutes and more does not fill a log. */
const NUMBERS_EVERY_MS = 5_000;
const NUMBERS_PER_SOAK = 20;

function lines(paint: Paint): Screen {
  let before: Sight | undefined;
  let startedAt = Date.now();
  let numbersAt = 0;
  const say = (line: string): void => print(`${paint.dim(stopwatch(Date.now() - startedAt))}  ${line}`);
  return {
    show(sight) {
      startedAt = sight.server.startedAt;
      for (const line of changes(before, sight, paint)) say(line);
      before = sight;
      const numbers = liveLine(sight);
      const soakMs = sight.status?.plan?.traffic[sight.status.steps.length - 1]?.soakMs ?? 0;
      if (numbers === undefined || sight.at - numbersAt < Math.max(NUMBERS_EVERY_MS, soakMs / NUMBERS_PER_SOAK)) return;
      numbersAt = sight.at;
      say(numbers);
    },
    note: say,
    end() {},
  };
}
