export { count, grouped, outOf, percent, plain, seconds } from './numbers.ts';
