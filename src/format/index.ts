export { count, grouped, outOf, percent, seconds } from './numbers.ts';
