export { onlyForDeployments } from './authorize.ts';
export { createActivities } from './create-activities.ts';
export { withDeploymentInLog } from './log-attributes.ts';
