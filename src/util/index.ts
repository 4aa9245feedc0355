export { errorCode } from './error-code.ts';
export { keepSecret, redact } from './redact.ts';
export type { Operation, RunContext } from './run-context.ts';
export { stateDirectory } from './state-directory.ts';
