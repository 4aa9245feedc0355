import { createHash } from 'node:crypto';

/** The key itself, or if it is too long for its place, a hash of it. */
export function shortKey(key: string, longest: number): string {
  return key.length <= longest ? key : hashed(key);
}

/** 32 hexadecimal digits, for places that do not take every character, or few. */
export function hashed(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}
