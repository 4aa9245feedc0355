import { expect, test } from '@jest/globals';
import { execa } from 'execa';

/** Keeps a few MB at any time, and leaves far more behind. Prints how large the heap became, in MB. */
const WORK = `
const kept = Array.from({ length: 200_000 }, (_, index) => ({ index, text: 'kept ' + index }));
const recent = [];
let most = 0;
for (let round = 0; round < 400; round += 1) {
  recent.push(Array.from({ length: 5_000 }, (_, index) => ({ index })));
  if (recent.length > 20) recent.shift();
  await new Promise(setImmediate);
  most = Math.max(most, process.memoryUsage().heapTotal);
}
console.log(most / 1_048_576, kept.length);
`;

async function largestHeap(before: string): Promise<number> {
  const code = `${before}\n${WORK}`;
  const { stdout } = await execa(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code]);
  return Number.parseFloat(stdout);
}

test('a small heap holds little garbage', async () => {
  const file = new URL('../../src/util/small-heap.ts', import.meta.url).href;
  const usual = await largestHeap('');
  const small = await largestHeap(`import { keepHeapSmall } from '${file}'; keepHeapSmall();`);
  expect(small).toBeLessThan(0.8 * usual);
});
