export { warnOfUnusableChannels } from './at-start.ts';
export { channelsOf, createNotifier } from './create-notifier.ts';
