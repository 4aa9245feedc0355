/** What keys and values of a runbook were called before 0.1.0: somebody who still writes them learns the new name. */
export const RENAMED_KEYS: Readonly<Record<string, string>> = {
  'judge.patience': 'burstTolerance',
  'judge.maxBlind': 'maxNoData',
  'judge.maxHold': 'maxBlueUnhealthy',
  'judge.routeGrace': 'trafficGrace',
  'watch.blind': 'maxUnwatched',
};

export const RENAMED_VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'judge.rule': { evidence: 'sequential', literal: 'threshold' },
};
