export { type ConnectionConfig, connectClient, connectWorker, connectionConfig } from './connection.ts';
export { WORKFLOW_TYPE, taskQueue } from './names.ts';
export { SEARCH_ATTRIBUTES, ensureSearchAttributes } from './search-attributes.ts';
