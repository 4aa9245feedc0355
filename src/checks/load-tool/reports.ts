import { z } from 'zod';
import { jsonOrUndefined } from '../../util/index.ts';
import type { Config } from './schema.ts';

/** What a tool says of its load. */
export interface LoadReport {
  readonly requests: number;
  readonly failed: number;
  /** Requests a second that were sent; undefined where the summary does not say it. */
  readonly rate: number | undefined;
  /** Checks of its script, beside the requests: of k6. */
  readonly checks?: { readonly all: number; readonly failed: number };
  /** In milliseconds; undefined where the summary does not have this quantile. */
  latencyMs(quantile: number): number | undefined;
}

/** A summary that is not what the tool writes, or lacks what has to be known. The message says what to change. */
export class ReportError extends Error {
  override readonly name = 'ReportError';
}

/** @throws ReportError */
export function readReport(tool: Config['tool'], text: string): LoadReport {
  const data = jsonIn(text);
  if (data === undefined) throw new ReportError(`found no JSON, expected ${HOW[tool]}`);
  const report = READERS[tool](data);
  if (!report) throw new ReportError(`found other JSON, expected ${HOW[tool]}`);
  return report;
}

/** How each tool writes the summary that is read here. */
export const HOW: Readonly<Record<Config['tool'], string>> = {
  k6: 'the summary of k6 run --summary-export={report}',
  vegeta: 'what vegeta report -type=json prints',
  locust: 'what locust --headless --json prints',
};

const READERS: Readonly<Record<Config['tool'], (data: unknown) => LoadReport | undefined>> = {
  k6: readK6,
  vegeta: readVegeta,
  locust: readLocust,
};

/** The tools print other lines around their JSON, too. */
function jsonIn(text: string): unknown {
  const whole = jsonOrUndefined(text);
  if (whole !== undefined) return whole;
  const begins = text.search(/^[[{]/m);
  return begins < 0
    ? undefined
    : jsonOrUndefined(text.slice(begins, Math.max(text.lastIndexOf('}'), text.lastIndexOf(']')) + 1));
}

const numbers = z.record(z.string(), z.unknown());
const k6 = z.union([
  /** `--summary-export`, whose metrics hold their values; `handleSummary`, whose metrics hold `values`. */
  z.object({
    metrics: z.record(z.string(), z.union([z.object({ values: numbers }).transform(({ values }) => values), numbers])),
  }),
  /** The machine-readable summary, which is the only one from k6 2 on. */
  z
    .object({ results: z.object({ metrics: z.array(z.object({ name: z.string(), values: numbers })) }) })
    .transform(({ results }) => ({
      metrics: Object.fromEntries(results.metrics.map(({ name, values }) => [name, values])),
    })),
]);

/** HTTP by its own metrics; gRPC and others by iterations, of which those with a failed check failed. */
function readK6(data: unknown): LoadReport | undefined {
  const { data: summary } = k6.safeParse(data);
  if (!summary) return undefined;
  const valueOf = (metric: string, ...names: string[]) => {
    const values = summary.metrics[metric];
    return names.map((name) => values?.[name]).find((value) => typeof value === 'number');
  };
  const checked = { failed: valueOf('checks', 'fails'), passed: valueOf('checks', 'passes', 'matches') };
  const all = valueOf('checks', 'total') ?? (checked.passed ?? 0) + (checked.failed ?? 0);
  const checks = { all, failed: checked.failed ?? all - (checked.passed ?? 0) };
  const http = valueOf('http_reqs', 'count') ?? 0;
  const isHttp = http > 0;
  if (!isHttp && summary.metrics['grpc_req_duration'] && all === 0)
    throw new ReportError(
      'the script of k6 has no check(), so that no gRPC call can be seen to fail: add one for the status',
    );
  const requests = isHttp ? http : (valueOf('iterations', 'count') ?? 0);
  const durations =
    summary.metrics[
      isHttp ? 'http_req_duration' : summary.metrics['grpc_req_duration'] ? 'grpc_req_duration' : 'iteration_duration'
    ];
  // A rate counts what is true: of http_req_failed that are the failed requests.
  const failed = isHttp ? (valueOf('http_req_failed', 'passes', 'matches') ?? 0) : Math.min(requests, checks.failed);
  return {
    requests,
    failed,
    rate: valueOf(isHttp ? 'http_reqs' : 'iterations', 'rate'),
    ...(all > 0 && { checks }),
    latencyMs: (quantile) => {
      const percent = percentOf(quantile);
      const names = [`p(${percent})`, `p${percent}`, ...(percent === 50 ? ['med'] : [])];
      return names.map((name) => durations?.[name]).find((value) => typeof value === 'number');
    },
  };
}

const vegeta = z.object({
  /** Nanoseconds. */
  latencies: z.record(z.string(), z.number()),
  requests: z.number(),
  rate: z.number(),
  /** A fraction. */
  success: z.number(),
});

function readVegeta(data: unknown): LoadReport | undefined {
  const { data: report } = vegeta.safeParse(data);
  if (!report) return undefined;
  const { requests, success, rate, latencies } = report;
  return {
    requests,
    failed: Math.round(requests * (1 - success)),
    rate,
    latencyMs: (quantile) => {
      const ns = latencies[`${percentOf(quantile)}th`];
      return ns === undefined ? undefined : ns / 1e6;
    },
  };
}

const locustEntry = z.object({
  num_requests: z.number(),
  num_failures: z.number(),
  /** Seconds since 1970. */
  start_time: z.number(),
  last_request_timestamp: z.number().nullable(),
  /** How many took so many milliseconds. */
  response_times: z.record(z.string(), z.number()),
});
/** One entry for each name and method. */
const locust = z.array(locustEntry).min(1);

function readLocust(data: unknown): LoadReport | undefined {
  const { data: entries } = locust.safeParse(data);
  if (!entries) return undefined;
  const sum = (numberOf: (entry: z.output<typeof locustEntry>) => number) =>
    entries.reduce((all, one) => all + numberOf(one), 0);
  const requests = sum((entry) => entry.num_requests);
  const seconds =
    Math.max(...entries.map((entry) => entry.last_request_timestamp ?? entry.start_time)) -
    Math.min(...entries.map((entry) => entry.start_time));
  const times = entries
    .flatMap((entry) => Object.entries(entry.response_times).map(([ms, count]) => ({ ms: Number(ms), count })))
    .sort((a, b) => a.ms - b.ms);
  const counted = times.reduce((all, { count }) => all + count, 0);
  return {
    requests,
    failed: sum((entry) => entry.num_failures),
    rate: seconds > 0 ? requests / seconds : undefined,
    latencyMs: (quantile) => {
      let left = Math.ceil(quantile * counted);
      return times.find(({ count }) => (left -= count) <= 0)?.ms;
    },
  };
}

/** 0.95 is 95, and 0.999 is 99.9. */
function percentOf(quantile: number): number {
  return Number((quantile * 100).toFixed(6));
}
