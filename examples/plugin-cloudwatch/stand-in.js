import { once } from 'node:events';
import { createServer } from 'node:http';

export const KEYS = { ACCESS_KEY_ID: 'AKIDHUNTER2', SECRET_ACCESS_KEY: 'secret-hunter2' };
const TARGET = 'GraniteServiceVersion20100801.GetMetricData';
const JSON_1_0 = { 'content-type': 'application/x-amz-json-1.0' };

/** Speaks GetMetricData of CloudWatch on this machine, over requests that a load balancer `served`. */
export async function startCloudWatch() {
  const served = [];
  const asked = [];
  let answers = (_input) => undefined;
  let pageSize = 100_800;
  const server = createServer(async (request, response) => {
    const reply = (status, body, headers = {}) =>
      response.writeHead(status, { ...JSON_1_0, ...headers }).end(JSON.stringify(body));
    const refuse = (type, message, code) =>
      reply(400, { __type: `com.amazon.coral.service#${type}`, message }, { 'x-amzn-query-error': `${code};Sender` });
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== 'POST' || request.headers['x-amz-target'] !== TARGET)
      return refuse('UnknownOperationException', '', 'InvalidAction');
    const signed = `AWS4-HMAC-SHA256 Credential=${KEYS.ACCESS_KEY_ID}/`;
    const scope = '/eu-central-1/monitoring/aws4_request';
    const { authorization = '' } = request.headers;
    if (!authorization.startsWith(signed) || !authorization.includes(scope))
      return refuse(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
        'InvalidClientTokenId',
      );
    const input = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    asked.push(input);
    const given = answers(input);
    if (given === 'nothing') return;
    if (given) return reply(given.status ?? 200, given.body, given.headers);
    if (input.StartTime >= input.EndTime)
      return refuse('ValidationException', 'The parameter StartTime must be less than EndTime.', 'ValidationError');
    reply(200, pageOf(input, served, pageSize));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** What was asked, oldest first. */
    asked,
    /**
     * `statuses` counts the requests of each class, such as `{ '2XX': 10 }`; the rest got no answer.
     * @param {{ at?: number, group: string, requests: number, statuses?: Record<string, number>, slow?: number,
     *   seconds?: number, refused?: number }} one
     */
    serve: (one) => void served.push({ at: Date.now(), statuses: {}, slow: 0, seconds: 0, refused: 0, ...one }),
    /** Answers otherwise: `{ status, body, headers }`, or 'nothing'. */
    answer: (how) => void (answers = how),
    /** So many data points are in a page. */
    pages: (size) => void (pageSize = size),
    forget() {
      served.length = 0;
      asked.length = 0;
      answers = () => undefined;
      pageSize = 100_800;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Oldest first; a period without data has no point, and a metric without data no points. */
function pageOf({ StartTime, EndTime, MetricDataQueries, NextToken = '0' }, served, pageSize) {
  const skipped = Number(NextToken);
  const all = MetricDataQueries.flatMap(({ Id, MetricStat: { Metric, Period, Stat } }) => {
    const dimensions = Object.fromEntries(Metric.Dimensions.map(({ Name, Value }) => [Name, Value]));
    const sums = new Map();
    for (const one of served) {
      const at = Math.floor(one.at / 1_000 / Period) * Period;
      const isAsked = dimensions.LoadBalancer === 'app/shop/50dc6c495c0c9188' && dimensions.TargetGroup === one.group;
      const value = isAsked && at >= StartTime && at < EndTime ? valueOf(one, Metric.MetricName, Stat) : 0;
      if (value > 0) sums.set(at, (sums.get(at) ?? 0) + value);
    }
    return [...sums].map(([time, value]) => ({ Id, time, value }));
  }).toSorted((one, other) => one.time - other.time);
  const page = all.slice(skipped, skipped + pageSize);
  const isLast = skipped + pageSize >= all.length;
  return {
    MetricDataResults: MetricDataQueries.map(({ Id }) => {
      const points = page.filter((point) => point.Id === Id);
      return {
        Id,
        Label: Id,
        StatusCode: isLast ? 'Complete' : 'PartialData',
        Timestamps: points.map(({ time }) => time),
        Values: points.map(({ value }) => value),
      };
    }),
    Messages: [],
    ...(!isLast && { NextToken: String(skipped + pageSize) }),
  };
}

function valueOf(one, metric, stat) {
  if (metric === 'TargetResponseTime' && stat === 'TC(0.5:)') return one.slow;
  if (stat !== 'Sum') return 0;
  const [, status] = /^HTTPCode_Target_(.XX)_Count$/.exec(metric) ?? [];
  if (status !== undefined) return one.statuses[status] ?? 0;
  return { RequestCount: one.requests, TargetResponseTime: one.seconds, TargetConnectionErrorCount: one.refused }[
    metric
  ];
}
