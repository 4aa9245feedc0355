export { count, duration, grouped, outOf, percent, plain, roughly, seconds } from './numbers.ts';
export { sentence } from './sentence.ts';
export { dateMinute, dateTime, timeOfDay } from './times.ts';
