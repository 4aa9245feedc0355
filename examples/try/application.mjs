import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The application of examples/try: `VERSION=2.5.0 node application.mjs PORT`. A version that ends with -fails answers 40 % of its
 * requests with status 500; one that ends with -slow needs 1.5 s for 40 %.
 */

const version = process.env.VERSION ?? '0.0.0';
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5];
const durations = [];
let requests = 0;

createServer(async ({ url }, response) => {
  if (url === '/healthz') return void response.end(version);
  if (url === '/metrics') return void response.end(page());
  const startedAt = performance.now();
  const isBad = (requests++ * 37) % 100 < 40;
  if (isBad && version.endsWith('-slow')) await delay(1_500);
  response.statusCode = isBad && version.endsWith('-fails') ? 500 : 200;
  response.end(version);
  durations.push((performance.now() - startedAt) / 1_000);
}).listen(Number(process.argv[2]), '127.0.0.1');

function page() {
  const name = 'http_request_duration_seconds';
  const upTo = (limit) => durations.filter((seconds) => seconds <= limit).length;
  return `${[
    `# TYPE ${name} histogram`,
    ...BUCKETS.map((le) => `${name}_bucket{version="${version}",le="${le}"} ${upTo(le)}`),
    `${name}_bucket{version="${version}",le="+Inf"} ${durations.length}`,
    `${name}_sum{version="${version}"} ${durations.reduce((sum, seconds) => sum + seconds, 0)}`,
    `${name}_count{version="${version}"} ${durations.length}`,
  ].join('\n')}\n`;
}
