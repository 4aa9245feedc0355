import { type RehearsedSoak, rolledBackIn } from '../../backtest/index.ts';

/** When healthy releases would have been rolled back. Pure but for the machine's time zone. */

export const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

export interface Hour {
  readonly releases: number;
  readonly rolledBack: number;
}

/** By weekday (Monday first) and hour of local time, in which the soak began. */
export function byHour(soaks: readonly RehearsedSoak[]): Hour[][] {
  const week = WEEKDAYS.map(() => Array.from({ length: 24 }, () => ({ releases: 0, rolledBack: 0 })));
  for (const soak of soaks) {
    const date = new Date(soak.at);
    const hour = week[(date.getDay() + 6) % 7]?.[date.getHours()];
    if (!hour) continue;
    hour.releases += soak.releases;
    hour.rolledBack += rolledBackIn(soak);
  }
  return week;
}

/** The share of releases that would have been rolled back. */
export function shareRolledBack(soaks: readonly RehearsedSoak[]): number {
  return sumOf(soaks, rolledBackIn) / (sumOf(soaks, ({ releases }) => releases) || 1);
}

/** The soaks in which most were rolled back, the worst first. */
export function worstSoaks(soaks: readonly RehearsedSoak[], most: number): RehearsedSoak[] {
  return soaks
    .filter((soak) => rolledBackIn(soak) > 0)
    .toSorted((a, b) => shareRolledBack([b]) - shareRolledBack([a]) || a.at - b.at)
    .slice(0, most);
}

/** Neighbouring soaks put together, at most `most` of them. */
export function inColumns(soaks: readonly RehearsedSoak[], most: number): RehearsedSoak[][] {
  const size = Math.max(1, Math.ceil(soaks.length / most));
  return Array.from({ length: Math.ceil(soaks.length / size) }, (_, index) =>
    soaks.slice(index * size, (index + 1) * size),
  );
}

export function sumOf(soaks: readonly RehearsedSoak[], of: (soak: RehearsedSoak) => number): number {
  return soaks.reduce((sum, soak) => sum + of(soak), 0);
}
