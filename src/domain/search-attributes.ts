/**
 * What deployments can be found by in Temporal's UI; all are keywords. In the order of use: a namespace that has room for
 * fewer gets the first ones. What a deployment cannot set as a search attribute it keeps in its memo under the same name.
 */
export const SEARCH_ATTRIBUTES = [
  'BlueGreenPhase',
  'BlueGreenVersion',
  'BlueGreenService',
  'BlueGreenEnvironment',
] as const;
export type SearchAttribute = (typeof SEARCH_ATTRIBUTES)[number];
