/** Numbers that look random and are the same for the same seed, on every machine: a rehearsal can be repeated. */
export type Random = () => number;

/** Uniform on [0, 1), by xoshiro128** (Blackman and Vigna 2018), its state filled from the seed. */
export function seededRandom(seed: number): Random {
  let filling = seed >>> 0;
  const fill = (): number => {
    filling = (filling + 0x9e3779b9) >>> 0;
    let word = Math.imul(filling ^ (filling >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [fill(), fill(), fill(), fill() || 1]; // all zero would stay zero

  const next = (): number => {
    const word = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return word;
  };
  // 53 bits, as many as a double holds: with 32 a chance of one in ten thousand millions would never or always happen.
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
}

/** How many of `n` happen when each happens with the chance `p`. Exact. */
export function binomial(n: number, p: number, random: Random): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const atMode = Math.exp(logChoose(n, mode) + mode * Math.log(p) + (n - mode) * Math.log1p(-p));
  const odds = p / (1 - p);
  return drawAround({ mode, atMode, least: 0, most: n, rise: (k) => ((n - k) / (k + 1)) * odds }, random);
}

/** How many of the `marked` among `n` are in a draw of `drawn` of them without putting back. Exact. */
export function hypergeometric(n: number, marked: number, drawn: number, random: Random): number {
  const least = Math.max(0, drawn + marked - n);
  const most = Math.min(marked, drawn);
  if (least >= most) return most;
  const mode = Math.min(most, Math.max(least, Math.floor(((drawn + 1) * (marked + 1)) / (n + 2))));
  const atMode = Math.exp(logChoose(marked, mode) + logChoose(n - marked, drawn - mode) - logChoose(n, drawn));
  const rise = (k: number) => ((marked - k) * (drawn - k)) / ((k + 1) * (n - marked - drawn + k + 1));
  return drawAround({ mode, atMode, least, most, rise }, random);
}

interface Distribution {
  readonly mode: number;
  readonly atMode: number;
  readonly least: number;
  readonly most: number;
  /** The chance of `k + 1` over that of `k`. */
  readonly rise: (k: number) => number;
}

/** Takes chances away from a uniform number, the likeliest first: about as many steps as a standard deviation has. */
function drawAround({ mode, atMode, least, most, rise }: Distribution, random: Random): number {
  let left = random() - atMode;
  if (left < 0) return mode;
  let [below, above] = [mode, mode];
  let [chanceBelow, chanceAbove] = [atMode, atMode];
  while (below > least || above < most) {
    if (above < most) {
      chanceAbove *= rise(above);
      above += 1;
      left -= chanceAbove;
      if (left < 0) return above;
    }
    if (below > least) {
      below -= 1;
      chanceBelow /= rise(below);
      left -= chanceBelow;
      if (left < 0) return below;
    }
    if (chanceAbove + chanceBelow === 0) break;
  }
  return mode; // rounding has left over less than a double can tell
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const SMALL: number[] = [0];
for (let n = 1; n < 64; n += 1) SMALL.push((SMALL[n - 1] ?? 0) + Math.log(n));

/** Stirling's series beyond a small table: exact to the last digits of a double. */
function logFactorial(n: number): number {
  const known = SMALL[n];
  if (known !== undefined) return known;
  const square = n * n;
  return (
    (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + (1 / 12 - (1 / 360 - 1 / (1_260 * square)) / square) / n
  );
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
