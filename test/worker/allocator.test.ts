import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';

const ROOT = new URL('../../', import.meta.url);
const SETTINGS = 'MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072';

test.each(['package.json', 'Dockerfile', 'examples/systemd/bluegreen-worker.service', 'docs/scaling.md'])(
  'a worker that is started with %s keeps little memory that it does not use',
  async (file) => {
    expect(await readFile(new URL(file, ROOT), 'utf8')).toContain(SETTINGS);
  },
);
