export {
  formatSelector,
  isMetBy,
  type Labels,
  type Matcher,
  mayMatch,
  metricOf,
  parseSelector,
  type Selector,
  selectorsOf,
  selectsMetric,
} from './selectors.ts';
