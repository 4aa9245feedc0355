import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { duration, metricsKind, metricsUnavailable } from 'bluegreen/plugin';
import { folderKey } from './folder.js';

const LARGEST_READ = 1_000_000;

/**
 * Every line of requests.jsonl is one request: {"version": "2.5.0", "failed": false, "seconds": 0.12}. There are no counters: the
 * cursor is the place in the file.
 */
export const fileMetrics = metricsKind({
  kind: 'files',
  summary: 'Every line of requests.jsonl is one request.',
  schema: (base) =>
    base.extend({ folder: folderKey, poll: duration.prefault('5s').describe('How often the file is read.') }),
  create({ folder }, { limits }) {
    const slowOver = limits.latency ? limits.latency.underMs / 1_000 : Number.POSITIVE_INFINITY;

    return {
      freshEveryMs: 0,
      measuresLatency: true,
      async read(since, signal) {
        signal.throwIfAborted();
        const at = Date.now();
        try {
          const file = await open(join(folder, 'requests.jsonl'), 'r');
          try {
            const { size } = await file.stat();
            if (since === null) return { cursor: { at, offset: size }, intervals: [] };
            // A file that became shorter was started anew.
            const from = since.offset > size ? 0 : since.offset;
            const buffer = Buffer.alloc(Math.min(LARGEST_READ, size - from));
            const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
            const end = buffer.lastIndexOf('\n', bytesRead - 1) + 1; // the last line may not be whole yet
            const offset = from + end;
            if (at <= since.at) return { cursor: since, intervals: [] };
            const counts = count(buffer.toString('utf8', 0, end), slowOver);
            return { cursor: { at, offset }, intervals: [{ from: since.at, to: at, counts }] };
          } finally {
            await file.close();
          }
        } catch (error) {
          throw metricsUnavailable(`requests.jsonl cannot be read (${error.code ?? error.message})`);
        }
      },
    };
  },
});

function count(lines, slowOver) {
  const counts = {};
  for (const line of lines.split('\n').filter((text) => text !== '')) {
    const { version, failed, seconds } = JSON.parse(line);
    counts[version] ??= { requests: 0, failed: 0, slow: 0, seconds: 0 };
    const sum = counts[version];
    sum.requests += 1;
    sum.failed += failed ? 1 : 0;
    sum.slow += seconds > slowOver ? 1 : 0;
    sum.seconds += seconds;
  }
  return counts;
}
