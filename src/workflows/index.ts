/** The front door of the workflow bundle. */
export { blueGreenDeployment } from './blue-green.ts';
export { scheduledBlueGreenDeployment } from './scheduled.ts';
