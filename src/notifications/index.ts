export { warnOfUnusableNotifiers } from './at-start.ts';
export { commandNotification } from './command/notification.ts';
export { deliver } from './deliver.ts';
export { toMessage } from './message.ts';
export { webhookNotification } from './webhook/notification.ts';
