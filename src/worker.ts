import { keepHeapSmall, namesProxy } from './util/index.ts';

keepHeapSmall();
if (namesProxy()) (await import('./proxy/index.ts')).useProxy();
const { runWorker } = await import('./worker/index.ts');
await runWorker();
