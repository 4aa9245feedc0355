/** The largest weight of a server. */
const LARGEST = 256;

/**
 * The weight of each server of both slots, so that the servers of green together get `percentage` of the requests. Pure.
 * `servers` is how many each slot has.
 */
export function weightsFor(
  percentage: number,
  servers: { readonly blue: number; readonly green: number },
): { readonly blue: number; readonly green: number } {
  const blue = (100 - percentage) * servers.green;
  const green = percentage * servers.blue;
  const divisor = greatestCommonDivisor(blue, green);
  const largest = Math.max(blue, green) / divisor;
  const scale = largest > LARGEST ? LARGEST / largest : 1;
  const scaled = (weight: number) => (weight === 0 ? 0 : Math.max(1, Math.round((weight / divisor) * scale)));
  return { blue: scaled(blue), green: scaled(green) };
}

/** The share of each slot in whole percent, by the weights of its servers; undefined if nothing gets any request. */
export function sharesOf(weights: ReadonlyMap<string, number>): Map<string, number> | undefined {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return undefined;
  return new Map([...weights].map(([slot, weight]) => [slot, Math.round((weight * 100) / total)]));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
