export { type Labels, type Matcher, type Selector, isMetBy, mayRead, metricOf, parseSelector, reads, selectorsOf, written } from './selectors.ts';
