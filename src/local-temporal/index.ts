export { type LocalServer, startLocalServer } from './server.ts';
