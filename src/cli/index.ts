export { newDecision, sendDecision } from './send-decision.ts';
export { startOrExplain } from './start-deployment.ts';
export { clientOf, type DeploymentHandle } from './temporal.ts';
export { formatDuration } from './view/format.ts';
export { outcomeOf } from './view/outcome.ts';
export { print, printError } from './view/output.ts';
export { pollSnapshots } from './view/snapshot.ts';
