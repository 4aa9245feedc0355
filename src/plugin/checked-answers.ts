import { commandFailed, redact } from '../util/index.ts';
import type { Check, Remedy } from './check.ts';
import { metricsUnavailable } from './failures.ts';
import { HistoryError } from './history.ts';
import type { MetricSource } from './metric-source.ts';
import type { Notifier } from './notifier.ts';
import type { Router } from './router.ts';
import type { Workload } from './workload.ts';

/**
 * What the functions of a kind return is checked before anybody uses it. A plugin may be written in JavaScript, and one wrong number
 * would roll a good release back. Metrics are read hundreds of times a minute: plain loops, no schemas.
 */

/** `the metrics kind "files" returned requests NaN for 2.5.0, expected a number of at least 0`. */
interface Wrong {
  readonly found: string;
  readonly expected: string;
}
type Expectation = (answer: unknown) => Wrong | undefined;

/** What each function of a port has to return; `as-is` for what is not checked. */
type Expectations<Port> = { readonly [Name in keyof Port]-?: Expectation | 'as-is' };

const LONGEST_SHOWN = 60;
/** Sums of fractions are never quite exact. */
const ROUNDING = 1e-6;

/** @param who `the metrics kind "files"` */
export function checkedMetrics(source: MetricSource, who: string): MetricSource {
  return checked(source, who, {
    needs: ['read'],
    fail: (message, name) => (name === 'history' ? new HistoryError(message) : metricsUnavailable(message)),
    answers: {
      freshEveryMs: 'as-is',
      measuresLatency: 'as-is',
      countersApart: 'as-is',
      read: (answer) => wrongReading(answer, source),
      inspect: (answer) => wrongReading(answer, source) ?? wrongInspection(answer as Fields),
      history: wrongHistory,
    },
  });
}

export function checkedRouter(router: Router, who: string): Router {
  return checked(router, who, {
    needs: ['setTraffic', 'readTraffic'],
    fail: commandFailed,
    answers: {
      setTraffic: wrongEvidence,
      readTraffic: optional(wrongShares),
      drain: wrongEvidence,
      followsLater: 'as-is',
      readSlots: optional(wrongSlots),
      lastChange: optional(wrongText),
      preflight: wrongObservation,
    },
  });
}

export function checkedWorkload(workload: Workload, who: string): Workload {
  return checked(workload, who, {
    needs: ['deploy', 'stop', 'checkHealth'],
    fail: commandFailed,
    answers: {
      deploy: wrongEvidence,
      stop: wrongEvidence,
      checkHealth: wrongEvidence,
      describe: wrongEvidence,
      observe: wrongInstances,
      preflight: wrongObservation,
    },
  });
}

export function checkedNotifier(notifier: Notifier, who: string): Notifier {
  return checked(notifier, who, {
    needs: ['notify'],
    fail: commandFailed,
    answers: { notify: 'as-is', preflight: (answer) => wrongList(answer, 'problems', wrongProblem) },
  });
}

export function checkedCheck(check: Check, who: string): Check {
  return checked({ check }, who, { needs: ['check'], fail: commandFailed, answers: { check: wrongFinding } }).check;
}

export function checkedRemedy(remedy: Remedy, who: string): Remedy {
  return checked({ remedy }, who, { needs: ['remedy'], fail: commandFailed, answers: { remedy: wrongFix } }).remedy;
}

/** The same port, whose functions reject when they return something else than expected. */
function checked<Port extends object>(
  port: Port,
  who: string,
  {
    needs,
    fail,
    answers,
  }: {
    readonly needs: readonly (keyof Port & string)[];
    readonly fail: (message: string, name: string) => Error;
    readonly answers: Expectations<Port>;
  },
): Port {
  const parts: Fields = isObject(port) ? port : {};
  for (const name of needs)
    if (typeof parts[name] !== 'function')
      throw fail(`${who} has ${shown(parts[name])} as ${name}, expected a function: correct the plugin`, name);
  const found = Object.entries<Expectation | 'as-is'>(answers).flatMap(([name, wrong]) => {
    const part = parts[name];
    if (part === undefined) return [];
    if (typeof part !== 'function' || wrong === 'as-is')
      return [[name, typeof part === 'function' ? part.bind(port) : part]];
    const call = async (...given: readonly unknown[]): Promise<unknown> => {
      const answer: unknown = await part.apply(port, given);
      const { found: seen, expected } = wrong(answer) ?? {};
      if (seen === undefined) return answer;
      throw fail(`${who} returned ${seen}, expected ${expected}: correct the plugin (${name})`, name);
    };
    return [[name, call]];
  });
  return Object.fromEntries(found) as Port;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Fit for a history: no secrets, and not long. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(short(value))}`;
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}

function short(text: string): string {
  return redact(text).slice(0, LONGEST_SHOWN);
}

function optional(wrong: Expectation): Expectation {
  return (answer) => (answer === undefined ? undefined : wrong(answer));
}

function wrongReading(answer: unknown, { countersApart }: Pick<MetricSource, 'countersApart'>): Wrong | undefined {
  if (!isObject(answer)) return { found: shown(answer), expected: 'an object with "cursor" and "intervals"' };
  const { cursor, intervals, slowOver } = answer;
  if (!isObject(cursor) || !isNumber(cursor['at']))
    return {
      found: isObject(cursor) ? `a cursor with "at" ${shown(cursor['at'])}` : `the cursor ${shown(cursor)}`,
      expected: 'an object whose "at" is a time in milliseconds',
    };
  if (slowOver !== undefined && !isNumber(slowOver))
    return { found: `slowOver ${shown(slowOver)}`, expected: 'a number of seconds' };
  if (!Array.isArray(intervals)) return { found: `the intervals ${shown(intervals)}`, expected: 'a list' };
  for (const interval of intervals as readonly unknown[]) {
    const wrong = wrongInterval(interval, countersApart);
    if (wrong) return wrong;
  }
  return undefined;
}

function wrongInterval(interval: unknown, countersApart: true | undefined): Wrong | undefined {
  const wrong = wrongTimes(interval);
  if (wrong) return wrong;
  const { counts, restarted = {}, absent = [] } = interval as Fields;
  if (!isObject(counts)) return { found: `the counts ${shown(counts)}`, expected: 'an object with counts by version' };
  for (const version of Object.keys(counts)) {
    const bad = wrongCounts(counts[version], countersApart);
    if (bad) return { ...bad, found: `${bad.found} for ${short(version)}` };
  }
  if (!isTexts(absent)) return { found: `absent ${shown(absent)}`, expected: 'a list of versions' };
  if (!isObject(restarted) || !Object.values(restarted).every(isTexts))
    return { found: `restarted ${shown(restarted)}`, expected: 'an object with a list of targets by version' };
  return undefined;
}

function wrongTimes(interval: unknown): Wrong | undefined {
  if (!isObject(interval))
    return { found: `the interval ${shown(interval)}`, expected: 'an object with "from", "to" and counts' };
  const { from, to } = interval;
  if (isNumber(from) && isNumber(to) && from <= to) return undefined;
  return {
    found: `an interval from ${shown(from)} to ${shown(to)}`,
    expected: 'two times in milliseconds, the earlier one first',
  };
}

function wrongCounts(counts: unknown, countersApart: true | undefined): Wrong | undefined {
  if (!isObject(counts)) return { found: shown(counts), expected: 'an object with requests, failed, slow and seconds' };
  const { requests, failed, slow, seconds, timed = requests } = counts;
  if (!isCount(requests)) return wrongNumber('requests', requests);
  if (countersApart) {
    if (!isNumber(failed)) return wrongNumber('failed', failed);
    if (!isNumber(slow)) return wrongNumber('slow', slow);
    if (!isNumber(seconds)) return wrongNumber('seconds', seconds);
    return isNumber(timed) ? undefined : wrongNumber('timed', timed);
  }
  if (!isCount(failed)) return wrongNumber('failed', failed);
  if (!isCount(slow)) return wrongNumber('slow', slow);
  if (!isCount(seconds)) return wrongNumber('seconds', seconds);
  if (!isCount(timed)) return wrongNumber('timed', timed);
  if (isMore(failed, requests))
    return { found: `failed ${failed} of requests ${requests}`, expected: 'at most as many as requests' };
  if (isMore(slow, timed))
    return { found: `slow ${slow} of ${timed} timed requests`, expected: 'at most as many as were timed' };
  return undefined;
}

function isCount(value: unknown): value is number {
  return isNumber(value) && value >= 0;
}

function isMore(part: number, whole: number): boolean {
  return part > whole + ROUNDING * (1 + whole);
}

function wrongNumber(name: string, value: unknown): Wrong {
  return { found: `${name} ${shown(value)}`, expected: 'a number of at least 0' };
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function wrongInspection({ problems, series, slowAbove, facts = [], clocks }: Fields): Wrong | undefined {
  if (!isObject(series)) return { found: `the series ${shown(series)}`, expected: 'an object' };
  for (const [name, one] of Object.entries(series))
    if (!isObject(one) || !isText(one['version']) || !isNumber(one['requests']))
      return {
        found: `the wrong series ${short(name)}`,
        expected: 'an object with a version and a number of requests',
      };
  return (
    wrongList(problems, 'problems', wrongProblem) ??
    wrongList(slowAbove, 'slowAbove', (one) => wrongFields(one, { version: isText, seconds: isNumber })) ??
    wrongList(facts, 'facts', (one) => wrongFields(one, { version: isText, what: isText, is: isText })) ??
    wrongList(clocks, 'clocks', (one) => wrongFields(one, { place: isText }))
  );
}

function wrongHistory(answer: unknown): Wrong | undefined {
  if (!isObject(answer)) return { found: shown(answer), expected: 'an object with "intervals" and "notices"' };
  if (!isTexts(answer['notices']))
    return { found: `the notices ${shown(answer['notices'])}`, expected: 'a list of texts' };
  const wrong = (one: unknown) => wrongTimes(one) ?? wrongCounts({ ...(one as Fields), seconds: 0 }, undefined);
  return wrongList(answer['intervals'], 'intervals', wrong);
}

function wrongEvidence(answer: unknown): Wrong | undefined {
  return wrongList(answer, 'evidence', (line) => wrongFields(line, { what: isText, measured: isText }));
}

function wrongObservation(answer: unknown): Wrong | undefined {
  if (!isObject(answer)) return { found: shown(answer), expected: 'an object with "evidence" and "problems"' };
  return wrongEvidence(answer['evidence']) ?? wrongList(answer['problems'], 'problems', wrongProblem);
}

function wrongProblem(problem: unknown): Wrong | undefined {
  return wrongFields(problem, { found: isText, unblock: isText });
}

function wrongFinding(answer: unknown): Wrong | undefined {
  return wrongFields(answer, { passed: isBoolean, summary: isText }) ?? wrongEvidence((answer as Fields)['evidence']);
}

function wrongFix(answer: unknown): Wrong | undefined {
  return wrongFields(answer, { done: isBoolean, summary: isText });
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function wrongText(answer: unknown): Wrong | undefined {
  return isText(answer) ? undefined : { found: shown(answer), expected: 'a text or nothing' };
}

function wrongShares(answer: unknown): Wrong | undefined {
  const expected = 'percentages by version, such as { "2.4.0": 50, "2.5.0": 50 }';
  if (!isObject(answer)) return { found: shown(answer), expected };
  for (const [version, share] of Object.entries(answer))
    if (!isCount(share) || isMore(share, 100))
      return { found: `${shown(share)} for ${short(version)}`, expected: 'a percentage from 0 to 100' };
  return undefined;
}

function wrongSlots(answer: unknown): Wrong | undefined {
  if (!isObject(answer)) return { found: shown(answer), expected: 'slots by version, such as { "2.4.0": "shop-a" }' };
  for (const [version, slot] of Object.entries(answer))
    if (!isText(slot) || slot === '')
      return { found: `the slot ${shown(slot)} for ${short(version)}`, expected: 'the name of a slot' };
  return undefined;
}

function wrongInstances(answer: unknown): Wrong | undefined {
  if (!isObject(answer)) return { found: shown(answer), expected: 'an object with the instances by version' };
  for (const [version, seen] of Object.entries(answer)) {
    const wrong =
      wrongFields(seen, { instances: isCount, ready: isCount, restarts: isObject, problems: isTexts }) ??
      wrongRestarts((seen as Fields)['restarts'] as Fields);
    if (wrong) return { ...wrong, found: `${wrong.found} for ${short(version)}` };
  }
  return undefined;
}

function wrongRestarts(restarts: Fields): Wrong | undefined {
  for (const [instance, count] of Object.entries(restarts))
    if (!isCount(count)) return wrongNumber(`the restarts of ${short(instance)}`, count);
  return undefined;
}

function wrongList(list: unknown, what: string, wrong: Expectation): Wrong | undefined {
  if (!Array.isArray(list)) return { found: shown(list), expected: `a list of ${what}` };
  for (const one of list as readonly unknown[]) {
    const bad = wrong(one);
    if (bad) return { ...bad, found: `${bad.found} in the list of ${what}` };
  }
  return undefined;
}

/** What each of these keys has to be, in words. */
const WORDS = new Map<(value: unknown) => boolean, string>([
  [isText, 'a text'],
  [isNumber, 'a number'],
  [isCount, 'a number of at least 0'],
  [isBoolean, 'true or false'],
  [isObject, 'an object'],
  [isTexts, 'a list of texts'],
]);

function wrongFields(value: unknown, keys: Readonly<Record<string, (value: unknown) => boolean>>): Wrong | undefined {
  if (!isObject(value)) return { found: shown(value), expected: `an object with ${Object.keys(keys).join(', ')}` };
  for (const [key, is] of Object.entries(keys))
    if (!is(value[key])) return { found: `${key} ${shown(value[key])}`, expected: WORDS.get(is) ?? 'something else' };
  return undefined;
}
