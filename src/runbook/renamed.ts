/**
 * What keys and values of a runbook were called before 0.1.0: somebody who still writes them learns the new name. An entry of a list is
 * named by its `kind`: `checklist[http].url`.
 */
export const RENAMED_KEYS: ReadonlyMap<string, string> = new Map([
  ['judge.patience', 'burstTolerance'],
  ['judge.maxBlind', 'maxNoData'],
  ['judge.maxHold', 'maxBlueUnhealthy'],
  ['judge.routeGrace', 'trafficGrace'],
  ['watch.blind', 'maxUnwatched'],
  ...['checklist', 'verifyGreen'].flatMap((list): [string, string][] => [
    [`${list}[prometheus-alerts].tokenEnv`, 'auth: { tokenEnv: NAME }'],
    [`${list}[prometheus-alerts].alertmanagers.tokenEnv`, 'auth: { tokenEnv: NAME }'],
  ]),
]);

/** By `<path>=<value>`. */
export const RENAMED_VALUES: ReadonlyMap<string, string> = new Map([
  ['judge.rule=evidence', 'sequential'],
  ['judge.rule=literal', 'threshold'],
]);
