import { createHash } from 'node:crypto';
import type { Runbook } from './schema.ts';

export const DIGEST = /^[0-9a-f]{64}$/;

/** The SHA-256 of the canonical JSON: the same for the same content, in whatever order its keys came. */
export function digestOf(runbook: Runbook): string {
  return createHash('sha256').update(canonicalJson(runbook)).digest('hex');
}

/** JSON with the keys of every object in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
