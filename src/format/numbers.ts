/** Numbers as people read them. Pure: the judge's reasons and the workflow's texts are made with these. */

/** `12 s` */
export function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s`;
}

/** `4 h`, `10 min`, `90 s`: the largest unit in which it is a whole number. */
export function duration(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}

/** The same, rounded to a minute from ten minutes on, and below to a second. */
export function roughly(ms: number): string {
  const unitMs = ms < 600_000 ? 1_000 : 60_000;
  return duration(Math.round(ms / unitMs) * unitMs);
}

/** Three significant digits, and no more than are needed: `20.4 %`, `5 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** `2,310` */
export function grouped(number: number): string {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `12 of 1,040 requests (1.15 %)` */
export function outOf(part: number, whole: number): string {
  return `${grouped(part)} of ${grouped(whole)} requests (${percent(whole === 0 ? 0 : part / whole)})`;
}

/** `1 request`, `1,040 requests` */
export function count(number: number, what: string): string {
  return `${grouped(number)} ${what}${number === 1 ? '' : 's'}`;
}

/** Six significant digits: `2,300,000,000`, `0.0123`. */
export function plain(number: number): string {
  return number.toLocaleString('en-US', { maximumSignificantDigits: 6 });
}
