import type { Readable } from 'node:stream';
import { redact } from '../util/index.ts';

/** Kept of the end of an output. */
const TAIL_BYTES = 4_096;

/** Remembers a bounded piece of what streams say, however much they say. */
export interface Recorder {
  listenTo(stream: Readable): void;
  text(): string;
}

/** Keeps the first `limit` bytes, as they are. */
export function recordHead(limit: number): Recorder {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    listenTo(stream) {
      stream.on('data', (chunk: Buffer) => {
        if (size >= limit) return;
        const kept = chunk.subarray(0, limit - size);
        chunks.push(kept);
        size += kept.length;
      });
    },
    text: () => Buffer.concat(chunks).toString(),
  };
}

/**
 * Keeps the last 4 KB, redacted. Twice as much is held, so that a secret that the cut goes through is cut away: what is
 * shown begins after the first blank of what was held, and is redacted before it is made shorter.
 */
export function recordTail(env: NodeJS.ProcessEnv): Recorder {
  let held: Buffer = Buffer.alloc(0);
  let cut = false;
  return {
    listenTo(stream) {
      stream.on('data', (chunk: Buffer) => {
        cut ||= held.length + chunk.length > 2 * TAIL_BYTES;
        held = Buffer.concat([held, chunk.subarray(-2 * TAIL_BYTES)]).subarray(-2 * TAIL_BYTES);
      });
    },
    text() {
      const text = held.toString();
      return redact(cut ? text.replace(/^\S*\s/, '') : text, env)
        .slice(-TAIL_BYTES)
        .trim();
    },
  };
}
