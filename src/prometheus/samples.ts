import { z } from 'zod';
import type { Labels } from '../promql/index.ts';
import { type Answer, conceal, request, type Server } from './http-client.ts';
import { explained, parseJson } from './parse-json.ts';

/** A value as it was scraped, with the time of that: epoch milliseconds. */
interface Sample {
  readonly at: number;
  readonly value: number;
}

/** A native histogram as it was scraped. Only buckets that hold something are there. */
export interface NativeHistogram {
  readonly at: number;
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly { readonly from: number; readonly to: number; readonly count: number }[];
}

export interface RawSeries {
  readonly labels: Labels;
  readonly samples: readonly Sample[];
  readonly histograms: readonly NativeHistogram[];
}

export interface Asked<Result> {
  readonly result: readonly Result[];
  readonly answer: Answer;
}

/** Seconds, and the value as a text. */
type RawSample = readonly [time: number, value: string];

const labels = z.record(z.string(), z.string());
const seconds = z.number().transform(toMs);
const number = z.string().transform(numberOf);
/** Go writes an empty list as null, too. */
const listOf = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .array(schema)
    .nullish()
    .transform((list) => list ?? []);

const sample = z.custom<RawSample>(isRawSample).transform(toSample);
/** Checked as a whole: a schema that looks at each number took a fifth of the memory that a reading of the metrics goes through. */
const samples = z
  .custom<readonly RawSample[]>((list) => Array.isArray(list) && list.every(isRawSample))
  .nullish()
  .transform((list) => (list ?? []).map(toSample));
const bucket = z.tuple([z.number(), number, number, number]).transform(([, from, to, count]) => ({ from, to, count }));
const histogram = z
  .tuple([seconds, z.object({ count: number, sum: number, buckets: listOf(bucket) })])
  .transform(([at, rest]) => ({ at, ...rest }));

const answerOf = <Data extends z.ZodType>(data: Data) =>
  z.object({
    status: z.literal('success'),
    data,
    warnings: listOf(z.string()),
    /** Of VictoriaMetrics: a part of its storage did not answer. */
    isPartial: z.boolean().optional(),
  });
const matrix = answerOf(
  z.object({
    resultType: z.literal('matrix'),
    result: listOf(z.object({ metric: labels, values: samples, histograms: listOf(histogram) })),
  }),
);
const vector = answerOf(
  z.object({
    resultType: z.literal('vector'),
    result: listOf(z.object({ metric: labels, value: sample.optional(), histogram: histogram.optional() })),
  }),
);

const scalarOrVector = answerOf(
  z.discriminatedUnion('resultType', [
    z.object({ resultType: z.literal('scalar'), result: sample }),
    z.object({ resultType: z.literal('vector'), result: listOf(z.object({ value: sample.optional() })) }),
  ]),
);

const seriesList = z.object({ status: z.literal('success'), data: z.array(labels) });

/** VictoriaMetrics leaves the newest half minute out otherwise; Thanos answers with what it has. Others take no notice. */
const WHOLE = { nocache: '1', partial_response: 'false' };

/**
 * The samples as they were scraped: `promql` is a selector with a range. At the server's present, or at `at`.
 * @throws as `ask` does, and when the answer is partial: half the counts would look like lost traffic.
 */
export async function rawSeries(server: Server, question: Question, signal: AbortSignal): Promise<Asked<RawSeries>> {
  const answer = await query(server, question, signal);
  return { answer, result: toSeries(server, answer) };
}

function toSeries(server: Server, answer: Answer): RawSeries[] {
  const { data, ...rest } = parseJson(server, answer, matrix);
  refusePartial(server, rest);
  return data.result.map(({ metric, values, histograms }) => ({ labels: metric, samples: values, histograms }));
}

/** What an expression is worth. @throws as `rawSeries` does. */
export async function instantQuery(server: Server, question: Question, signal: AbortSignal): Promise<Asked<RawSeries>> {
  const answer = await query(server, question, signal);
  const { data, ...rest } = parseJson(server, answer, vector);
  refusePartial(server, rest);
  const result = data.result.map((one) => ({
    labels: one.metric,
    samples: one.value ? [one.value] : [],
    histograms: one.histogram ? [one.histogram] : [],
  }));
  return { answer, result };
}

/** The answer to a question of ours is not one number, which asking again does not change. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

const BAD_QUERY = [400, 422];

/**
 * The one number that an expression is worth; null where it has none. @throws QueryError where the expression is wrong or is
 * worth several numbers; otherwise as `rawSeries` does.
 */
export async function instantValue(server: Server, promql: string, signal: AbortSignal): Promise<number | null> {
  const answer = await query(server, { promql }, signal);
  if (BAD_QUERY.includes(answer.status)) throw new QueryError(explained(server, answer).message);
  const { data, ...rest } = parseJson(server, answer, scalarOrVector);
  refusePartial(server, rest);
  const values = data.resultType === 'scalar' ? [data.result] : data.result.flatMap(({ value }) => value ?? []);
  if (values.length > 1)
    throw new QueryError(
      `the query is worth ${values.length} numbers, expected one: put sum(...), max(...) or avg(...) around it`,
    );
  const [first] = values;
  return first === undefined || Number.isNaN(first.value) ? null : first.value;
}

/** What an expression was worth every `stepMs`, from `from` to `to`. @throws as `rawSeries` does. */
export async function rangeQuery(
  server: Server,
  {
    promql,
    from,
    to,
    stepMs,
  }: { readonly promql: string; readonly from: number; readonly to: number; readonly stepMs: number },
  signal: AbortSignal,
): Promise<readonly RawSeries[]> {
  const search = { query: promql, start: String(from / 1_000), end: String(to / 1_000), step: String(stepMs / 1_000) };
  const answer = await request(server, { path: '/api/v1/query_range', search: { ...search, ...WHOLE } }, signal);
  return toSeries(server, answer);
}

/** The labels of every series that had samples from `from` to `to`. @throws as `request` does. */
export async function listSeries(
  server: Server,
  { selector, from, to }: { readonly selector: string; readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<readonly Labels[]> {
  const search = { 'match[]': selector, start: String(from / 1_000), end: String(to / 1_000) };
  return parseJson(server, await request(server, { path: '/api/v1/series', search }, signal), seriesList).data;
}

export interface Question {
  readonly promql: string;
  readonly at?: number;
  /** Called with each answer, also a failed one: it may say how long to leave the server alone. */
  readonly heard?: (answer: Answer) => void;
}

async function query(server: Server, { promql, at, heard }: Question, signal: AbortSignal): Promise<Answer> {
  const search = {
    query: promql,
    ...(at !== undefined && { time: String(at / 1_000) }),
    ...WHOLE,
  };
  const answer = await request(server, { path: '/api/v1/query', search }, signal);
  heard?.(answer);
  return answer;
}

function refusePartial(
  server: Server,
  said: { readonly warnings: readonly string[]; readonly isPartial?: boolean | undefined },
) {
  if (said.warnings.length === 0 && said.isPartial !== true) return;
  const why = said.warnings.length > 0 ? `: ${conceal(said.warnings.join('; '), server)}` : '';
  throw new Error(`${server.name}: its answer may lack a part of the data${why}`);
}

function isRawSample(value: unknown): value is RawSample {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'number' && typeof value[1] === 'string';
}

function toSample([time, value]: RawSample): Sample {
  return { at: toMs(time), value: numberOf(value) };
}

function toMs(time: number): number {
  return Math.round(time * 1_000);
}

/** As Go writes numbers: also `+Inf`, `-Inf` and `NaN`. */
function numberOf(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text || Number.NaN);
}
