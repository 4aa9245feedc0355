export { CHECK_APPLICATION, type Connection } from './client.ts';
export { type DatabaseAddress, open } from './open.ts';
export type { Target } from './targets.ts';
export { DatabaseUnavailable, messageOf, whereItsUrlStands } from './unavailable.ts';
