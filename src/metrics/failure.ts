import { z } from 'zod';
import type { Matcher } from '../promql/index.ts';
import { isPattern, metric } from './names.ts';
import { escapePattern } from './sides.ts';

/**
 * What says that a request failed: the value of a label, by a rule of the runbook. One pattern serves both readers, whether
 * they look at each series or let a Prometheus add them up.
 */
export interface FailureRule {
  /** Meets the values of failed requests: a pattern has to fit the whole value, in both languages. */
  readonly failed: Pick<Matcher, 'value'> & { readonly operator: '=~' | '!~' };
  /** Whether the rule knows what a value means. */
  readonly knows: (value: string) => boolean;
  /** What it expects to find, for people. */
  readonly expected: string;
  /** What routers write where no status was sent is usual beside what the rule knows. */
  readonly allowsNoAnswer?: true;
  /** So is any other value: it means a failure. */
  readonly allowsOthers?: true;
}

const CODE = /^[1-5](\d\d|xx)$/i;
/** What routers write where no status was sent: Envoy and Istio, nginx, HAProxy. Beside statuses they are usual. */
const NO_ANSWER: readonly string[] = ['0', '000', '-', 'other'];

/** What OpenTelemetry calls an error of a server; the other codes are the client's, or what it asked for. */
const GRPC_ANSWERED: readonly (readonly [code: number, name: string])[] = [
  [0, 'OK'],
  [1, 'CANCELLED'],
  [3, 'INVALID_ARGUMENT'],
  [5, 'NOT_FOUND'],
  [6, 'ALREADY_EXISTS'],
  [7, 'PERMISSION_DENIED'],
  [8, 'RESOURCE_EXHAUSTED'],
  [9, 'FAILED_PRECONDITION'],
  [10, 'ABORTED'],
  [11, 'OUT_OF_RANGE'],
  [16, 'UNAUTHENTICATED'],
];
const GRPC_FAILED: readonly (readonly [code: number, name: string])[] = [
  [2, 'UNKNOWN'],
  [4, 'DEADLINE_EXCEEDED'],
  [12, 'UNIMPLEMENTED'],
  [13, 'INTERNAL'],
  [14, 'UNAVAILABLE'],
  [15, 'DATA_LOSS'],
];

const STATUS_ENTRY = 'expected HTTP statuses such as 503, 5xx or 500-599';
const status = z
  .union([z.int(), z.string()])
  .transform((given) => String(given).toLowerCase())
  .refine((text) => /^[1-5](\d\d|xx)(-[1-5]\d\d)?$/.test(text) && !/xx-/.test(text), STATUS_ENTRY);
const values = z.array(z.string().min(1)).min(1);

const regularExpression = z
  .string()
  .min(1)
  .refine(isPattern, 'expected a regular expression that has to fit the whole value, such as "5..|429"');

const EXPECTED =
  'expected status, grpc, { status: [5xx, 429] }, { values: [error] }, { answered: [success] }, { pattern: "5.." } or { answeredPattern: "[23].." }: ' +
  'which values of metrics.codeLabel mean that a request failed; or { counter: NAME } or { answeredCounter: NAME } of a second counter';

/** A runbook's key. */
export const failed = z
  .union(
    [
      z.enum(['status', 'grpc']),
      z.strictObject({
        status: z.array(status, { error: STATUS_ENTRY }).min(1).describe('HTTP statuses that mean a failure.'),
      }),
      z.strictObject({ values: values.describe('Values that mean a failure; all others are answered requests.') }),
      z.strictObject({ answered: values.describe('Values of answered requests; all others mean a failure.') }),
      z.strictObject({ pattern: regularExpression.describe('A regular expression of values that mean a failure.') }),
      z.strictObject({
        answeredPattern: regularExpression.describe('A regular expression of values of answered requests.'),
      }),
      z.strictObject({ counter: metric.describe('A second counter, of failed requests.') }),
      z.strictObject({
        answeredCounter: metric.describe('A second counter, of requests that went well: the others failed.'),
      }),
    ],
    { error: EXPECTED },
  )
  .describe(
    'Which values of `codeLabel` mean that a request failed. `status`: HTTP statuses from 500 on, and what is no status. `grpc`: ' +
      'the codes of server faults (Unknown, DeadlineExceeded, Unimplemented, Internal, Unavailable, DataLoss), by name or number. ' +
      '`{ status: [5xx, 429] }`: these statuses, and what is no status. `{ values: [error] }`: these values. ' +
      '`{ answered: [success] }`: all values but these. `{ pattern: "5.." }`, `{ answeredPattern: "[23].." }`: values that fit. `{ counter: NAME }` or `{ answeredCounter: NAME }`: a second counter of the ' +
      'failed or of the answered requests, and no label. Default: `status`.',
  );

type Failed = z.output<typeof failed>;
/** Said by the values of a label. */
type FailedByLabel = Exclude<Failed, { counter: string } | { answeredCounter: string }>;

export function failureRule(rule: FailedByLabel): FailureRule {
  if (rule === 'status') return byStatus(['5xx']);
  if (rule === 'grpc') return byGrpcCode();
  if ('status' in rule) return byStatus(rule.status);
  if ('pattern' in rule)
    return { failed: { operator: '=~', value: rule.pattern }, knows: () => true, expected: 'any value' };
  if ('answeredPattern' in rule) {
    const isAnswered = new RegExp(`^(?:${rule.answeredPattern})$`, 's');
    return {
      failed: { operator: '!~', value: rule.answeredPattern },
      knows: (value) => isAnswered.test(value),
      expected: `a value that fits ${JSON.stringify(rule.answeredPattern)}`,
      allowsOthers: true,
    };
  }
  const [operator, listed] = 'values' in rule ? (['=~', rule.values] as const) : (['!~', rule.answered] as const);
  return {
    failed: { operator, value: listed.map(escapePattern).join('|') },
    knows: (value) => operator === '=~' || listed.includes(value),
    expected: `one of ${listed.map((value) => JSON.stringify(value)).join(', ')}`,
    ...(operator === '!~' && { allowsOthers: true }),
  };
}

/** Whether requests with this value count as failed. */
export function failsBy({ failed: { operator, value } }: FailureRule): (code: string) => boolean {
  const pattern = new RegExp(`^(?:${value})$`, 's');
  return (code) => pattern.test(code) === (operator === '=~');
}

/** A value that routers write where no status was sent is usual beside statuses. */
export function meansNoAnswer(code: string): boolean {
  return NO_ANSWER.includes(code);
}

/**
 * Failed is what is listed, and all that is no status. Nothing says that such a request was answered well, and a value that only
 * a bad release sends must not pass for success.
 */
function byStatus(listed: readonly string[]): FailureRule {
  const classes = [1, 2, 3, 4, 5].map((first) => {
    const codes = Array.from({ length: 100 }, (_, rest) => first * 100 + rest);
    const good = codes.filter((code) => !listed.some((entry) => includes(entry, code)));
    const isWhole = good.length === codes.length;
    return {
      answered: isWhole ? [`${first}[0-9][0-9]`, `${first}[xX][xX]`] : good.map(String),
      // Where only some of a class fail, a label with classes does not tell which.
      isClear: isWhole || good.length === 0,
    };
  });
  return {
    failed: { operator: '!~', value: classes.flatMap(({ answered }) => answered).join('|') },
    knows: (value) => CODE.test(value) && (!/xx$/i.test(value) || classes[Number(value[0]) - 1]?.isClear === true),
    expected: 'an HTTP status (200, 503) or its class (5xx)',
    allowsNoAnswer: true,
  };
}

function includes(entry: string, code: number): boolean {
  if (entry.endsWith('xx')) return entry.slice(0, 1) === String(code).slice(0, 1);
  const [from, to = from] = entry.split('-').map(Number);
  return from !== undefined && to !== undefined && code >= from && code <= to;
}

function byGrpcCode(): FailureRule {
  const answered = GRPC_ANSWERED.flatMap(spellings);
  const known = [...answered, ...GRPC_FAILED.flatMap(spellings)];
  return {
    failed: { operator: '!~', value: answered.join('|') },
    knows: (value) => known.includes(value),
    expected: 'a gRPC code (OK, Internal, 0, 13)',
  };
}

/** By number, and by name as Go, Java and others write it: 13, INTERNAL, Internal, internal. */
function spellings([code, name]: readonly [number, string]): string[] {
  const words = name.split('_').map((word) => word.slice(0, 1) + word.slice(1).toLowerCase());
  const american = name === 'CANCELLED' ? ['CANCELED', 'Canceled', 'canceled'] : [];
  return [String(code), name, name.toLowerCase(), words.join(''), ...american];
}
