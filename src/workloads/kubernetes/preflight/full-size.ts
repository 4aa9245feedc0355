/** An autoscaler may be changing blue while a deployment is prepared: this much of the size is taken as all of it. */
const SMALLEST_SHARE = 0.75;

export function isFullSize(replicas: number, wanted: number): boolean {
  return replicas >= SMALLEST_SHARE * wanted;
}
