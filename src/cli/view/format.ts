/** Numbers as people read them. Pure. */

/** A measured length: `0.4 s`, `12.3 s`, `1 m 12 s`, `2 h 05 m`. */
export function formatDuration(ms: number): string {
  return ms < 60_000 ? `${(Math.max(0, ms) / 1_000).toFixed(1)} s` : formatDurationRoughly(ms);
}

/** A length that is counted down or up: `12 s`, `1 m 12 s`, `2 h 05 m`. */
export function formatDurationRoughly(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m${seconds % 60 === 0 ? '' : ` ${pad(seconds % 60)} s`}`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
  return `${hours} h${minutes % 60 === 0 ? '' : ` ${pad(minutes % 60)} m`}`;
}

/** `01:12` since a start; `1:02:03` past an hour. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const hours = Math.floor(seconds / 3_600);
  return `${hours > 0 ? `${hours}:` : ''}${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
}

/** Local time of day; with the date when it is not today's. */
export function clock(at: number, now: number = Date.now()): string {
  const date = new Date(at);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${time}`;
}

/** A share as a percentage; without requests there is none. */
export function share(part: number, whole: number): string {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '-';
}

/** A mean latency; without requests there is none. */
export function meanWords(requests: number, meanMs: number | null): string {
  if (requests <= 0) return '-';
  return meanMs === null ? 'not measured' : `${meanMs.toFixed(meanMs < 10 ? 1 : 0)} ms`;
}

/** `[######----]` of a fraction from 0 to 1, `width` characters in all. */
export function bar(fraction: number, width: number): string {
  const inner = Math.max(1, width - 2);
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * inner);
  return `[${'█'.repeat(full)}${'░'.repeat(inner - full)}]`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
