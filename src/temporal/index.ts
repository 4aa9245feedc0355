export { type ConnectionConfig, connectClient, connectionConfig, connectWorker } from './connection.ts';
export { taskQueue, WORKFLOW_TYPE } from './names.ts';
export { terminatingParent } from './parent.ts';
export { ensureSearchAttributes, registeredSearchAttributes } from './search-attributes.ts';
export { startDeployment } from './start-deployment.ts';
