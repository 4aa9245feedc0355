/** The front door of the workflow bundle. */
export { blueGreenDeployment } from './blue-green.ts';
export { blueGreenRollback } from './blue-green-rollback.ts';
export { blueGreenFreeze } from './freeze.ts';
export { blueGreenKeepBlue } from './keep-blue.ts';
export { blueGreenQueue } from './queue.ts';
export { scheduledBlueGreenDeployment } from './scheduled.ts';
export { blueGreenTrain } from './train.ts';
