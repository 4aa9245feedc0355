export { count, duration, grouped, outOf, percent, plain, roughly, seconds } from './numbers.ts';
export { capitalized, sentence } from './sentence.ts';
export { dateMinute, dateTime, timeOfDay } from './times.ts';
