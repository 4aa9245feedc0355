/** The little numerics that the judge needs. Logarithms are natural. */

/** Stands for log 0, since JSON has no -Infinity. Far below anything that a soak can add up to. */
export const LOG_ZERO = -1e6;

/** log(e^a + e^b) without overflow. */
export function logAdd(a: number, b: number): number {
  const [larger, smaller] = a > b ? [a, b] : [b, a];
  return larger + Math.log1p(Math.exp(smaller - larger));
}

export function logMean(values: readonly number[]): number {
  const largest = Math.max(...values);
  const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
  return largest + Math.log(sum / values.length);
}

export function logOf(value: number): number {
  return value > 0 ? Math.max(LOG_ZERO, Math.log(value)) : LOG_ZERO;
}

/**
 * The chance of at least `bad` bad ones among `requests` when each is bad with the chance `share`; counts may be
 * fractions, since `increase()` gives such and since counts are divided by their dispersion.
 */
export function chanceOfAtLeast(bad: number, requests: number, share: number): number {
  if (bad <= 0) return 1;
  if (bad > requests) return 0;
  return regularizedBeta(share, bad, requests - bad + 1);
}

/** The chance of at most so many. It is under 5 % exactly when the 95 % Clopper-Pearson upper bound is under `share`. */
export function chanceOfAtMost(bad: number, requests: number, share: number): number {
  return bad >= requests ? 1 : 1 - regularizedBeta(share, bad + 1, requests - bad);
}

/** I_x(a, b) by Lentz' continued fraction (Abramowitz and Stegun 26.5.8), absolute error well under 1e-10. */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast on this side of the mean only.
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
}

function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-13) break;
  }
  return value;
}

/** Lanczos' approximation (g = 7, 9 terms), for positive arguments. */
const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

export function logGamma(z: number): number {
  if (z < 0.5) return logGamma(z + 1) - Math.log(z);
  const series = LANCZOS.reduce((sum, factor, index) => sum + factor / (z + index), 0.9999999999998099);
  const t = z + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(series);
}
