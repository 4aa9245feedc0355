export { onlyForDeployments } from './authorize.ts';
export { createActivities } from './create-activities.ts';
