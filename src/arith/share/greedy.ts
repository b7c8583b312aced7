import { Births } from "./births.js";
import type { DigitMatrix, Pattern } from "./digit-matrix.js";
import { PatternQueue } from "./pattern-queue.js";

/** Bounds of a variable's integer, as doubles: they only steer the search. */
export type Bounds = { readonly low: number; readonly high: number };

/** What a candidate pattern looks like to a score. */
export type Candidate = {
  readonly uses: number;
  readonly widthA: number;
  readonly widthB: number;
  readonly distance: number;
  readonly widthOut: number;
};

/** Choices of {@link shareGreedily}. */
export type GreedyOptions = {
  /** What an addition's columns count beside its full adders in a tree; a `+` pays for the columns, silicon for the full adders. */
  readonly perColumn: number;
  /** What an addition counts beyond these. */
  readonly perAddition: number;
  /** Seed of a disturbance of the scores by up to an eighth; 0 for none. */
  readonly jitter: number;
};

/** Bits of the narrowest word that holds all integers of the bounds. */
export function boundsWidth({ low, high }: Bounds): number {
  const magnitude = (x: number): number => Math.ceil(Math.log2(x + 1));
  if (low >= 0) return Math.max(1, magnitude(high));
  return 1 + Math.max(magnitude(-low - 1), magnitude(Math.max(high, 0)));
}

/** Bounds of a ± b·2^distance for independent a and b. */
export function patternBounds(a: Bounds, b: Bounds, { distance, opposite }: Pattern): Bounds {
  const factor = 2 ** distance;
  return opposite
    ? { low: a.low - b.high * factor, high: a.high - b.low * factor }
    : { low: a.low + b.low * factor, high: a.high + b.high * factor };
}

const SCORES = 1 << 20;

function noise(seed: number, pattern: Pattern): number {
  let x = Math.imul(seed ^ (pattern.a * 0x9e3779b1), 0x85ebca6b) ^ Math.imul(pattern.b + 1, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 15) ^ (pattern.distance * 2 + (pattern.opposite ? 1 : 0)), 0x27d4eb2f);
  return ((x ^ (x >>> 13)) >>> 0) / 2 ** 32;
}

/**
 * Take two-term patterns out of a digit matrix, the most saving first, until none occurs twice (Hartley 1996; Potkonjak 1996).
 *
 * A pattern that occurs n times saves n − 1 additions. One addition a ± b·2^d costs max(w_a, w_b + d) − d columns as a `+` and
 * w_a + w_b − w_out full adders in a tree; the score is (n − 1)·(`perColumn` times the one + the other + `perAddition`). Occurrences are
 * counted over all minimal forms of each coefficient.
 *
 * Counts only fall after a pattern is born, but for rewritten coefficients: so each is pushed once with what it was worth then,
 * and counted again when it comes up; if it is worth less by now it goes back. What rewriting has brought is found by a last scan.
 * Time: the digits of all touched rows per new variable, plus one count per pop.
 *
 * @param bounds of the matrix's variables; those of new variables are appended
 * @returns the patterns in the order taken: pattern k is variable (number of variables before) + k
 */
export function shareGreedily(
  matrix: DigitMatrix,
  bounds: Bounds[],
  { perColumn, perAddition, jitter }: GreedyOptions,
): readonly Pattern[] {
  const widths = bounds.map(boundsWidth);
  const queue = new PatternQueue(SCORES);
  const scoreOf = (uses: number, pattern: Pattern): number => {
    if (uses < 2) return 0;
    const [wa, wb] = [widths[pattern.a]!, widths[pattern.b]!];
    const out = boundsWidth(patternBounds(bounds[pattern.a]!, bounds[pattern.b]!, pattern));
    const columns = Math.max(wa, wb + pattern.distance) - pattern.distance;
    const saved = 4 * (uses - 1) * (perColumn * columns + wa + wb - out + perAddition);
    return Math.max(0, Math.round(jitter === 0 ? saved : saved * (1 + noise(jitter, pattern) / 8)));
  };
  const births = new Births(matrix, (uses, pattern) => {
    const score = scoreOf(uses, pattern);
    if (score > 0) queue.push(score, pattern);
  });
  for (let v = 0; v < matrix.variables; v++) births.scan(v);
  const taken: Pattern[] = [];
  for (let scannedAt = 0; ; ) {
    const best = queue.best();
    if (best < 0) {
      if (taken.length === scannedAt) return taken;
      scannedAt = taken.length;
      for (let v = 0; v < matrix.variables; v++) births.scan(v);
      continue;
    }
    const pattern = queue.pop();
    const score = Math.min(scoreOf(matrix.count(pattern), pattern), SCORES - 1);
    if (score === 0) continue;
    if (score < best) {
      queue.push(score, pattern);
      continue;
    }
    const made = patternBounds(bounds[pattern.a]!, bounds[pattern.b]!, pattern);
    bounds.push(made);
    widths.push(boundsWidth(made));
    const variable = matrix.take(pattern);
    taken.push(pattern);
    births.scan(variable);
  }
}
