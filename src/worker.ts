import { runWorker } from './worker/index.ts';

await runWorker();
