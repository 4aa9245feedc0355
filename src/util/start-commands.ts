/** An installed package has the command `bluegreen`; in a clone, people start everything through npm. */
export const isInstalled = import.meta.url.includes('/node_modules/');

/** What starts a local Temporal server, for hints. */
export const START_TEMPORAL = isInstalled ? 'bluegreen temporal' : 'npm run temporal';
/** What starts a worker. */
export const START_WORKER = isInstalled ? 'bluegreen worker' : 'npm run dev:worker, or npm start';
