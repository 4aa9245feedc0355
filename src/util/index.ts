export { commandFailed } from './command-failed.ts';
export { errorCode } from './error-code.ts';
export { jsonOrUndefined } from './json.ts';
export { loaderArguments, programArguments } from './node-program.ts';
export { keepSecret, redact } from './redact.ts';
export type { Operation, RunContext } from './run-context.ts';
export { shortList } from './short-list.ts';
export { isInstalled, START_TEMPORAL, START_WORKER } from './start-commands.ts';
export { stateDirectory } from './state-directory.ts';
