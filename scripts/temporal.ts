import { main } from '../src/cli/main.ts';

await main(['temporal', ...process.argv.slice(2)]);
