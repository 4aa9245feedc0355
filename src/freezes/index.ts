export { type FreezeWindow, freezesAt, WEEKDAYS, windowProblem } from './window.ts';
