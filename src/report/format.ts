import { capitalized, grouped } from '../format/index.ts';

/** Numbers of a report as people read them. Pure. */

/** `0.4 s`, `1 min 12 s`, `2 h 5 min` */
export function length(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 59.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const rest = (amount: number, unit: string): string => (amount === 0 ? '' : ` ${amount} ${unit}`);
  if (minutes < 60) return `${minutes} min${rest(whole % 60, 's')}`;
  return `${Math.floor(minutes / 60)} h${rest(minutes % 60, 'min')}`;
}

/** Three digits at most: `20.4 %`, `5 %`, `0.099 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(share < 0.001 ? 2 : 3))} %`;
}

/** `12 of 1,040 (1.15 %)`; without requests there is no share. */
export function outOf(part: number, whole: number): string {
  return whole > 0 ? `${grouped(part)} of ${grouped(whole)} (${percent(part / whole)})` : 'no requests';
}

/** Reasons come from judges, people and commands, with and without a full stop. A name keeps its small first letter. */
export function sentence(text: string): string {
  const first = /^(green|blue|no|it) /.test(text) ? capitalized(text) : text;
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
