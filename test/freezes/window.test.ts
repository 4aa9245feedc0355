import { describe, expect, test } from '@jest/globals';
import { type FreezeWindow, freezesAt, windowProblem } from '../../src/freezes/index.ts';

const berlin = (window: Partial<FreezeWindow>): FreezeWindow => ({
  name: 'freeze',
  timeZone: 'Europe/Berlin',
  ...window,
});

/** Until when it is frozen at this time, as UTC; `-`: it is not frozen. */
function frozen(windows: FreezeWindow | readonly FreezeWindow[], at: string): string {
  const [found] = freezesAt([windows].flat(), Date.parse(at));
  if (!found) return '-';
  return found.until === undefined ? 'for ever' : new Date(found.until).toISOString().slice(0, 16);
}

describe('a window', () => {
  test.each<[string, Partial<FreezeWindow>, string, string]>([
    [
      'of a weekday begins at its time',
      { weekdays: ['fri'], from: '16:00', to: '24:00' },
      '2026-11-27T15:00Z',
      '2026-11-27T23:00',
    ],
    ['of a weekday holds not before', { weekdays: ['fri'], from: '16:00', to: '24:00' }, '2026-11-27T14:59:59Z', '-'],
    ['of a weekday ends at its time', { weekdays: ['fri'], from: '16:00', to: '24:00' }, '2026-11-27T23:00Z', '-'],
    ['of a weekday holds on no other day', { weekdays: ['fri'], from: '16:00', to: '24:00' }, '2026-11-26T16:00Z', '-'],
    ['of whole days is one', { weekdays: ['fri', 'sat', 'sun'] }, '2026-11-27T12:00Z', '2026-11-29T23:00'],
    ['of every day', { from: '22:00', to: '06:00' }, '2026-11-27T22:00Z', '2026-11-28T05:00'],
    [
      'over midnight belongs to the day on which it begins',
      { weekdays: ['fri'], from: '22:00', to: '06:00' },
      '2026-11-28T04:00Z',
      '2026-11-28T05:00',
    ],
    [
      'of dates includes the last day',
      { from: '2026-12-20', to: '2027-01-03' },
      '2027-01-03T22:59Z',
      '2027-01-03T23:00',
    ],
    ['of dates is over then', { from: '2026-12-20', to: '2027-01-03' }, '2027-01-03T23:00Z', '-'],
    [
      'of dates with times',
      { from: '2026-12-20T18:00', to: '2026-12-21T08:00' },
      '2026-12-20T17:00Z',
      '2026-12-21T07:00',
    ],
    ['of each year, over its end', { from: '12-20', to: '01-03' }, '2031-01-02T10:00Z', '2031-01-03T23:00'],
    ['of each year, at its begin', { from: '12-20', to: '01-03' }, '2031-12-19T23:00Z', '2032-01-03T23:00'],
    ['of each year, between', { from: '12-20', to: '01-03' }, '2031-06-01T10:00Z', '-'],
    ['of 29 February', { from: '02-29', to: '02-29' }, '2027-02-28T10:00Z', '2027-02-28T23:00'],
    ['of all days has no end', { from: '00:00', to: '24:00' }, '2026-11-27T12:00Z', 'for ever'],
  ])('%s', (_, window, at, until) => {
    expect(frozen(berlin(window), at)).toBe(until);
  });

  test('that adjoins another one goes on in it', () => {
    const friday = berlin({ weekdays: ['fri'], from: '16:00', to: '24:00' });
    const weekend = berlin({ name: 'weekend', weekdays: ['sat', 'sun'] });
    expect(frozen([friday, weekend], '2026-11-27T18:00Z')).toBe('2026-11-29T23:00');
  });

  test('is in the time of its zone', () => {
    const nine = { from: '09:00', to: '10:00' };
    expect(frozen({ name: 'a', timeZone: 'Asia/Kolkata', ...nine }, '2026-11-27T03:30Z')).toBe('2026-11-27T04:30');
    expect(frozen({ name: 'a', timeZone: 'America/New_York', ...nine }, '2026-11-27T14:30Z')).toBe('2026-11-27T15:00');
  });
});

describe('daylight saving', () => {
  // Berlin: on 29 March 2026 the clock goes from 02:00 to 03:00, on 25 October 2026 from 03:00 back to 02:00.
  test('moves a freeze with the clock', () => {
    const evening = berlin({ from: '18:00', to: '20:00' });
    expect(frozen(evening, '2026-03-28T17:00Z')).toBe('2026-03-28T19:00');
    expect(frozen(evening, '2026-03-29T16:00Z')).toBe('2026-03-29T18:00');
  });

  test.each([
    ['begins at a time that is skipped: an hour earlier', '02:30', '05:00', '00:30', '03:00'],
    ['ends at a time that is skipped: an hour later', '01:00', '02:30', '00:00', '01:30'],
  ])('%s', (_, from, to, start, end) => {
    const window = berlin({ from, to });
    const just = (time: string, ms: number) => new Date(Date.parse(`2026-03-29T${time}Z`) + ms).toISOString();
    expect(frozen(window, just(start, -1))).toBe('-');
    expect(frozen(window, just(start, 0))).toBe(`2026-03-29T${end}`);
    expect(frozen(window, just(end, -1))).toBe(`2026-03-29T${end}`);
    expect(frozen(window, just(end, 0))).toBe('-');
  });

  test.each([
    ['begins at a time that comes twice: the first one', '02:30', '05:00', '00:30', '04:00'],
    ['ends at a time that comes twice: the second one', '01:00', '02:30', '2026-10-24T23:00', '01:30'],
  ])('%s', (_, from, to, start, end) => {
    const window = berlin({ from, to });
    const at = (time: string) => Date.parse(time.includes('T') ? `${time}Z` : `2026-10-25T${time}Z`);
    expect(frozen(window, new Date(at(start) - 1).toISOString())).toBe('-');
    expect(frozen(window, new Date(at(start)).toISOString())).toBe(`2026-10-25T${end}`);
    expect(frozen(window, new Date(at(end) - 1).toISOString())).toBe(`2026-10-25T${end}`);
    expect(frozen(window, new Date(at(end)).toISOString())).toBe('-');
  });
});

describe('what cannot be used is said', () => {
  test.each<[Partial<FreezeWindow>, string, string]>([
    [
      { timeZone: 'Europe/Berlín', weekdays: ['fri'] },
      'timeZone',
      'found "Europe/Berlín", expected a time zone such as Europe/Berlin or UTC',
    ],
    [{ timeZone: '+02:00', weekdays: ['fri'] }, 'timeZone', 'found "+02:00", expected a time zone'],
    [{}, 'from', 'missing, expected from and to, or weekdays'],
    [{ from: '10:00' }, 'to', 'missing, expected from and to'],
    [{ from: '10:00', to: '25:00' }, 'to', 'found "25:00", expected a time (16:00)'],
    [{ from: '2026-02-30', to: '2026-03-01' }, 'from', 'found "2026-02-30", expected a time'],
    [{ from: '02-30', to: '03-01' }, 'from', 'found "02-30", expected a time'],
    [{ from: '10:00', to: '12-20' }, 'to', 'found "12-20", expected a time as in from'],
    [{ from: '12-20', to: '12-24', weekdays: ['fri'] }, 'weekdays', 'expected no weekdays'],
    [{ from: '24:00', to: '06:00' }, 'from', 'found "24:00", expected a time from 00:00 to 23:59'],
    [{ from: '10:00', to: '10:00' }, 'to', 'found "10:00", expected another time than from'],
    [{ from: '2027-01-03', to: '2026-12-20' }, 'to', 'found 2026-12-20, expected later than from (2027-01-03)'],
    [{ from: '2026-12-20T18:00', to: '2026-12-20T18:00' }, 'to', 'expected later than from (2026-12-20T18:00)'],
  ])('%j', (window, key, message) => {
    expect(windowProblem(berlin(window))).toEqual({ key, message: expect.stringContaining(message) });
  });

  test('a single day can be used', () => {
    expect(windowProblem(berlin({ from: '2026-12-24', to: '2026-12-24' }))).toBeUndefined();
  });
});
