import { Temporal } from 'temporal-polyfill';

/** The days of a week in the order of ISO 8601: Monday is the first. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/**
 * When nobody may deploy, in the clock and calendar of a time zone. `from` and `to` have the same form: times of every day or of
 * the `weekdays` (`16:00`; by default the whole day), days of every year (`12-20`), or dates with or without a time
 * (`2026-12-20`, `2026-12-20T18:00`). A day without a time counts whole, as `from` and as `to`.
 */
export interface FreezeWindow {
  readonly name: string;
  /** By its IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly weekdays?: readonly (typeof WEEKDAYS)[number][] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const FORMS = {
  time: /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/,
  'day of the year': /^\d\d-\d\d$/,
  date: /^\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):[0-5]\d)?$/,
} as const;
type Form = keyof typeof FORMS;
const EXPECTED = 'expected a time (16:00), a day of each year (12-20) or a date (2026-12-20 or 2026-12-20T18:00)';

/** What is wrong with a window, and with which of its keys; nothing if it can be used. */
export function windowProblem(
  window: FreezeWindow,
): { readonly key: 'timeZone' | 'weekdays' | 'from' | 'to'; readonly message: string } | undefined {
  const { timeZone, weekdays, from, to } = window;
  if (!isTimeZone(timeZone))
    return { key: 'timeZone', message: `found "${timeZone}", expected a time zone such as Europe/Berlin or UTC` };
  if (from === undefined && to === undefined)
    return weekdays ? undefined : { key: 'from', message: 'missing, expected from and to, or weekdays' };
  for (const key of ['from', 'to'] as const) {
    const text = window[key];
    if (text === undefined) return { key, message: `missing, expected ${key === 'to' ? 'from' : 'to'} and ${key}` };
    if (!isPoint(text)) return { key, message: `found "${text}", ${EXPECTED}` };
  }
  const form = formOf(from ?? '');
  if (formOf(to ?? '') !== form) return { key: 'to', message: `found "${to}", expected a ${form} as in from` };
  if (weekdays && form !== 'time')
    return { key: 'weekdays', message: `expected no weekdays, since from and to are not times` };
  if (from === '24:00') return { key: 'from', message: 'found "24:00", expected a time from 00:00 to 23:59' };
  if (form === 'time' && from === to) return { key: 'to', message: `found "${to}", expected another time than from` };
  const [start, end] = form === 'date' ? once(from ?? '', to ?? '') : [];
  if (start && end && Temporal.PlainDateTime.compare(start, end) >= 0)
    return { key: 'to', message: `found ${to}, expected later than from (${from})` };
  return undefined;
}

/**
 * The windows that hold at `now` (epoch milliseconds), and until when; windows that adjoin or overlap count as one, and one
 * without an end has no `until`. A time that the clock skips or repeats makes a freeze longer, never shorter.
 */
export function freezesAt(
  windows: readonly FreezeWindow[],
  now: number,
): { readonly name: string; readonly until?: number }[] {
  return windows.flatMap((window) => {
    const end = endOf(window, now);
    if (end === undefined) return [];
    const until = joinedEnd(windows, end);
    return [{ name: window.name, ...(until === undefined ? {} : { until }) }];
  });
}

/** Longer than a year of days one after the other is for ever. */
const MOST_JOINED = 400;

function joinedEnd(windows: readonly FreezeWindow[], firstEnd: number): number | undefined {
  let end = firstEnd;
  for (let joined = 0; joined < MOST_JOINED; joined += 1) {
    const next = Math.max(...windows.map((window) => endOf(window, end) ?? 0));
    if (next <= end) return end;
    end = next;
  }
  return undefined;
}

/** When the window ends that holds at `now`; nothing if it does not hold. */
function endOf(window: FreezeWindow, now: number): number | undefined {
  const { timeZone } = window;
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();
  for (const [from, to] of occurrencesAround(window, today)) {
    const start = from.toZonedDateTime(timeZone, { disambiguation: 'earlier' }).epochMilliseconds;
    const end = to.toZonedDateTime(timeZone, { disambiguation: 'later' }).epochMilliseconds;
    if (start <= now && now < end) return end;
  }
  return undefined;
}

type Occurrence = readonly [Temporal.PlainDateTime, Temporal.PlainDateTime];

function occurrencesAround(
  { weekdays, from = '00:00', to = '24:00' }: FreezeWindow,
  today: Temporal.PlainDate,
): Occurrence[] {
  switch (formOf(from)) {
    case 'date':
      return [once(from, to)];
    case 'day of the year':
      return [-1, 0].map((years) => {
        const start = inYear(from, today.year + years);
        const end = inYear(to, today.year + years + (to < from ? 1 : 0));
        return [start.toPlainDateTime(), end.add({ days: 1 }).toPlainDateTime()];
      });
    case 'time':
      return [-1, 0, 1]
        .map((days) => today.add({ days }))
        .filter(({ dayOfWeek }) => weekdays?.includes(WEEKDAYS[dayOfWeek - 1] ?? 'mon') ?? true)
        .map((day) => [atTime(day, from), atTime(to <= from ? day.add({ days: 1 }) : day, to)]);
  }
}

function once(from: string, to: string): Occurrence {
  const end = Temporal.PlainDateTime.from(to);
  return [Temporal.PlainDateTime.from(from), to.includes('T') ? end : end.add({ days: 1 })];
}

/** 29 February is 28 February in most years. */
function inYear(dayOfYear: string, year: number): Temporal.PlainDate {
  return Temporal.PlainMonthDay.from(dayOfYear).toPlainDate({ year });
}

function atTime(day: Temporal.PlainDate, time: string): Temporal.PlainDateTime {
  return time === '24:00' ? day.add({ days: 1 }).toPlainDateTime() : day.toPlainDateTime(time);
}

function formOf(text: string): Form {
  return (Object.keys(FORMS) as Form[]).find((form) => FORMS[form].test(text)) ?? 'date';
}

function isPoint(text: string): boolean {
  if (!Object.values(FORMS).some((form) => form.test(text))) return false;
  if (formOf(text) === 'time') return true;
  return exists(() =>
    formOf(text) === 'date' ? Temporal.PlainDateTime.from(text) : Temporal.PlainMonthDay.from(text),
  );
}

function isTimeZone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && exists(() => Temporal.PlainDate.from('2026-01-01').toZonedDateTime(name));
}

function exists(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}
