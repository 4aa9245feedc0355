import { createHash } from 'node:crypto';

/** The key itself, or if it is too long for its place, a hash of it. */
export function shortKey(key: string, longest: number): string {
  return key.length <= longest ? key : hashed(key);
}

/** 64 hexadecimal digits: for places that do not take every character. */
export function hashed(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
