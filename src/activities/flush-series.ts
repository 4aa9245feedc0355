import { setTimeout as delay } from 'node:timers/promises';
import type { Activities } from '../domain/index.ts';
import type { Dependencies } from './dependencies.ts';

/** The next activity may be the rollback: it does not wait for a store that is slow. */
const LONGEST_WAIT_MS = 500;

/** At the end of a window its polls are written, since another worker may write the report. A breach does not wait for it. */
export function withFlushedSeries(
  { reports }: Pick<Dependencies, 'reports'>,
  watch: Activities['watchWindow'],
): Activities['watchWindow'] {
  return async (input) => {
    const flushed = () => reports.flush(input.target.deployment);
    try {
      const result = await watch(input);
      if (result.verdict === 'breached') void flushed();
      else await atMost(flushed());
      return result;
    } catch (error) {
      await atMost(flushed());
      throw error;
    }
  };
}

async function atMost(work: Promise<void>): Promise<void> {
  const waiting = new AbortController();
  await Promise.race([work, delay(LONGEST_WAIT_MS, undefined, { signal: waiting.signal }).catch(() => {})]);
  waiting.abort();
}
