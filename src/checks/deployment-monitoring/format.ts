import { grouped } from '../../format/index.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** As a runbook writes it: `90s`, `10m`, `4h`. */
export function duration(ms: number): string {
  if (ms >= HOUR && ms % HOUR === 0) return `${ms / HOUR}h`;
  if (ms >= MINUTE && ms % MINUTE === 0) return `${ms / MINUTE}m`;
  return ms % SECOND === 0 ? `${ms / SECOND}s` : `${Math.round(ms)}ms`;
}

/** At least so long, in a length that a person would write. */
export function roundedUp(ms: number): string {
  const unit = ms <= 2 * MINUTE ? SECOND : ms <= 5 * HOUR ? MINUTE : HOUR;
  return duration(Math.ceil(ms / unit) * unit);
}

/** Three significant digits at most: `101`, `0.71`. */
export function rate(perSecond: number): string {
  return perSecond >= 1_000 ? grouped(perSecond) : String(Number(perSecond.toPrecision(3)));
}

/** At least so many a second, in two significant digits. */
export function rateRoundedUp(perSecond: number): string {
  const digit = 10 ** (Math.floor(Math.log10(perSecond)) - 1);
  return rate(Math.ceil(perSecond / digit - 1e-9) * digit);
}
