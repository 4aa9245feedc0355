/** Numbers as people read them. */

export function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s`;
}

export function outOf(part: number, whole: number): string {
  return `${grouped(part)} of ${grouped(whole)} requests (${percent(part / whole)})`;
}

/** Three significant digits, and no more than are needed: `20.4 %`, `5 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** `2,310` */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}
