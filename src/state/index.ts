export { folderState } from './folder.ts';
export { openState } from './open.ts';
export { stateDirectory } from './state-directory.ts';
export { type StateStore, StateUnavailable } from './store.ts';
