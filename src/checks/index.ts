export { createCheck } from './create-check.ts';
export { createRemedy } from './create-remedy.ts';
export { createClient } from './load-test/client.ts';
export { startOpenLoop } from './load-test/open-loop.ts';
export { createTally, type LoadNumbers } from './load-test/tally.ts';
export { databaseUrl } from './postgres/session.ts';
