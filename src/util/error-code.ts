/**
 * The code of a system error such as `ECONNREFUSED`, also from inside the causes that fetch and gRPC wrap it in. Their
 * messages name addresses; the code is safe to show.
 */
export function errorCode(error: unknown): string | undefined {
  for (let current = error, depth = 0; depth < 5; depth += 1) {
    if (typeof current !== 'object' || current === null) return undefined;
    if ('code' in current && typeof current.code === 'string') return current.code;
    current = 'cause' in current ? current.cause : undefined;
  }
  return undefined;
}
