/** Pseudo-random numbers from a seed (mulberry32), since a simulation must not change between runs. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How many things happen where so many are expected. */
export function poisson(mean: number, random: () => number): number {
  if (mean > 60) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const end = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > end; product *= random()) count += 1;
  return count;
}

/** Bad requests among `n`, in clusters of `size` on average. */
export function clustered(n: number, share: number, size: number, random: () => number): number {
  if (size <= 1) return Math.min(n, poisson(n * share, random));
  let bad = 0;
  for (let left = poisson((n * share) / size, random); left > 0; left -= 1) bad += 1 + poisson(size - 1, random);
  return Math.min(n, bad);
}
