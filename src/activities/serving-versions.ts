import { apartMs, type MetricSource } from '../plugin/index.ts';
import { pause } from './with-heartbeat.ts';

/** Without a way to ask the platform, two readings this far apart show which version serves. */
const SERVING_MS = 3_000;

/** The versions that had requests just now, as the metrics count them, and over how long. */
export async function servingVersions(
  source: MetricSource,
  signal: AbortSignal,
): Promise<{ readonly versions: readonly string[]; readonly forMs: number }> {
  const forMs = Math.max(SERVING_MS, apartMs(source));
  const before = await source.read(null, signal);
  await pause(forMs, signal);
  const { intervals } = await source.read(before.cursor, signal);
  const serving = intervals.flatMap(({ counts }) =>
    Object.keys(counts).filter((version) => (counts[version]?.requests ?? 0) > 0),
  );
  return { versions: [...new Set(serving)], forMs };
}
