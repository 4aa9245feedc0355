import { z } from 'zod';
import { parseJson, request, type Server } from '../../../prometheus/index.ts';
import type { Labels } from '../../../promql/index.ts';
import { range } from '../queries.ts';

/** What is asked about the past beyond raw samples (prometheus.io/docs/prometheus/latest/querying/api). */

interface Stretch {
  readonly from: number;
  readonly to: number;
}

const series = z.object({ status: z.literal('success'), data: z.array(z.record(z.string(), z.string())) });
const matrix = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(z.object({ values: z.array(z.tuple([z.number(), z.string()])) })),
  }),
});

/** The labels of every series that had samples in this stretch. @throws Error as `ask` does. */
export async function seriesOf(
  server: Server,
  selector: string,
  { from, to }: Stretch,
  signal: AbortSignal,
): Promise<readonly Labels[]> {
  const search = { 'match[]': selector, start: String(from / 1_000), end: String(to / 1_000) };
  return parseJson(server, await request(server, { path: '/api/v1/series', search }, signal), series).data;
}

/** By the end of each step, epoch milliseconds: what all series of the selector together counted in it, about. */
export async function increases(
  server: Server,
  selector: string,
  { from, to, stepMs }: Stretch & { readonly stepMs: number },
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const search = {
    query: `sum(increase(${selector}${range(stepMs)}))`,
    start: String((from + stepMs) / 1_000),
    end: String(to / 1_000),
    step: String(stepMs / 1_000),
  };
  const answer = parseJson(server, await request(server, { path: '/api/v1/query_range', search }, signal), matrix);
  const values = answer.data.result.flatMap((one) => one.values);
  return new Map(values.map(([at, value]) => [Math.round(at * 1_000), Number(value)]));
}
