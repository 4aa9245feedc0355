import { main } from '../src/cli/main.ts';

await main(['demo', ...process.argv.slice(2)]);
