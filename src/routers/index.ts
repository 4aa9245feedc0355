export { commandRouter } from './command/router.ts';
export { haproxyRouter } from './haproxy/router.ts';
