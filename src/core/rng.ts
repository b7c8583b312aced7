/** A seeded generator of random numbers. Injected wherever randomness is needed; never global. */
export type Rng = {
  /** Return a float in [0, 1) with 32 random bits. */
  next(): number;
  /** Return an integer in [0, bound). */
  integer(bound: number): number;
  /** Return a sample of the standard normal distribution (Box-Muller). */
  normal(): number;
  /** Return an independent generator for a named purpose; the same name gives the same stream. */
  fork(name: string): Rng;
};

/** Mix a string into 32 bits (FNV-1a with a final avalanche of MurmurHash3). */
function hashString(text: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Create a generator from a seed: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, period at least 2^32.
 *
 * @param seed any integer; reduced to 32 bits
 */
export function createRng(seed: number): Rng {
  const root = seed >>> 0;
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = root | 0;
  let counter = 1;
  const nextUint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) nextUint32();
  const next = (): number => nextUint32() / 2 ** 32;
  return {
    next,
    integer: (bound) => Math.floor(next() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    fork: (name) => createRng(hashString(name, root)),
  };
}

/** Return 0..count-1 in a random order (Fisher-Yates). */
export function shuffledIndices(count: number, rng: Rng): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    const swap = order[i]!;
    order[i] = order[j]!;
    order[j] = swap;
  }
  return order;
}
