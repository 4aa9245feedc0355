import { main } from '../src/cli/main.ts';

await main(['sandbox', ...process.argv.slice(2)]);
