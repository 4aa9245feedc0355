export { commandRouter } from './command/router.ts';
