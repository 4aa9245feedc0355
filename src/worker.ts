import { keepHeapSmall } from './util/index.ts';

keepHeapSmall();
const { runWorker } = await import('./worker/index.ts');
await runWorker();
