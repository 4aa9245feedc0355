import { setFlagsFromString } from 'node:v8';

const FLAGS = [
  // Where the machine has memory to spare, V8 lets a heap grow to four times what is in use before it collects the garbage: a
  // worker with a hundred watches, which use 100 MB, would hold 300 MB more.
  '--heap-growing-percent=15',
  '--optimize-for-size',
  // The part for new objects: this process keeps the size that it has now, 1 MB at its start. Threads that start later have their own.
  '--semi-space-growth-factor=1',
  '--max-semi-space-size=2',
];

/**
 * Keeps the heap of this process small, and those of threads that are started later. Call it before anything else is loaded: loading
 * the SDK alone makes V8 set 32 MB aside for new objects, and it does not give them back.
 */
export function keepHeapSmall(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
  // Small buffers are pieces of a larger one, which stays as long as one of its pieces. The SDK keeps one piece for each workflow,
  // and since Node 24 the larger one has 64 KB. This is the size of Node 20.
  Buffer.poolSize = 8_192;
}
