export {
  isMetBy,
  type Labels,
  type Matcher,
  mayRead,
  metricOf,
  parseSelector,
  reads,
  type Selector,
  selectorsOf,
  written,
} from './selectors.ts';
