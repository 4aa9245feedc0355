import { once } from 'node:events';
import { createServer } from 'node:http';

export const KEYS = { DD_API_KEY: 'api-key-hunter2', DD_APP_KEY: 'app-key-hunter2' };
const PATH = '/api/v2/query/timeseries';
const QUERY =
  /^(sum|count\(v: v>(?<limit>[\d.]+)\)):(?<metric>[\w.]+)\{(?<filter>[^}]+)\} by \{version\}(?<modifier>\.as_count\(\))?$/;

/** Speaks the timeseries API of Datadog on this machine, over requests that were `served`. */
export async function startDatadog() {
  const served = [];
  const asked = [];
  let answers = (_attributes) => undefined;
  const server = createServer(async (request, response) => {
    const reply = (status, body, headers = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== 'POST' || request.url !== PATH) return reply(404, { errors: ['Not found'] });
    const { 'dd-api-key': apiKey, 'dd-application-key': appKey } = request.headers;
    if (apiKey !== KEYS.DD_API_KEY || appKey !== KEYS.DD_APP_KEY) return reply(403, { errors: ['Forbidden'] });
    const { data } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    asked.push(data.attributes);
    const given = answers(data.attributes);
    if (given === 'nothing') return;
    if (given) return reply(given.status ?? 200, given.body, given.headers);
    if (data.type !== 'timeseries_request') return reply(400, { errors: ['Invalid type'] });
    try {
      reply(200, { data: { id: '0', type: 'timeseries_response', attributes: evaluate(data.attributes, served) } });
    } catch (error) {
      reply(400, { errors: [error.message] });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** What was asked, oldest first. */
    asked,
    /** @param {{ at?: number, version: string, requests: number, failed?: number, slow?: number, seconds?: number }} one */
    serve: (one) => void served.push({ at: Date.now(), failed: 0, slow: 0, seconds: 0, ...one }),
    /** Answers otherwise: `{ status, body, headers }`, or 'nothing'. */
    answer: (how) => void (answers = how),
    forget() {
      served.length = 0;
      asked.length = 0;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Series without data are not in the answer, and buckets without data are null or not there. */
function evaluate({ from, to, interval, queries }, served) {
  const rows = queries.flatMap(({ data_source, query }, index) => {
    if (data_source !== 'metrics') throw new Error(`unknown data source ${data_source}`);
    const parsed = QUERY.exec(query);
    if (!parsed) throw new Error(`Error parsing query: unable to parse ${query}`);
    const byVersion = new Map();
    for (const one of served.filter(({ at }) => at >= from && at < to)) {
      const value = valueOf(one, parsed.groups);
      if (value === 0) continue;
      const buckets = byVersion.get(one.version) ?? new Map();
      const start = Math.floor(one.at / interval) * interval;
      byVersion.set(one.version, buckets.set(start, (buckets.get(start) ?? 0) + value));
    }
    return [...byVersion].map(([version, buckets]) => ({ version, index, buckets }));
  });
  const times = [...new Set(rows.flatMap(({ buckets }) => [...buckets.keys()]))].toSorted((one, other) => one - other);
  return {
    series: rows.map(({ version, index }) => ({ group_tags: [`version:${version}`], query_index: index, unit: null })),
    times,
    values: rows.map(({ buckets }) => times.map((time) => buckets.get(time) ?? null)),
  };
}

function valueOf(one, { metric, limit, modifier }) {
  if (metric === 'trace.http.request.hits' && modifier) return one.requests;
  if (metric === 'trace.http.request.errors' && modifier) return one.failed;
  if (metric === 'trace.http.request' && limit === '0.5' && modifier) return one.slow;
  if (metric === 'trace.http.request' && limit === undefined && !modifier) return one.seconds;
  return 0;
}
