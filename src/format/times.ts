/** Times as people read them, in UTC: what is written is read anywhere. Epoch milliseconds in, pure. */

/** `12:04:05` */
export function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** `2026-11-25 12:04:05 UTC` */
export function dateTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `2026-11-25 12:04 UTC` */
export function dateMinute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
