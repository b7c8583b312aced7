import { signedDigitCount } from "../quantize/digits.js";

/** Where the values of at most so many signed digits lie, for all magnitudes up to a limit. */
export type DigitTable = {
  /** Largest magnitude of a constant. */
  readonly limit: number;
  /** Digits of each magnitude 0 to limit. */
  readonly digits: Uint8Array;
  /** Most digits of any magnitude. */
  readonly mostDigits: number;
  /** For each number of digits and each magnitude m the largest value not above m of at most so many digits. */
  readonly below: readonly Uint16Array[];
  /** The smallest value above m, or 0 where there is none up to the limit. */
  readonly above: readonly Uint16Array[];
};

const INT16_MAX = 2 ** 15 - 1;

const known = new Map<number, DigitTable>();

/** Return the least power of two that no weight exceeds: 127 has two digits, 128 one, and a constant may be either. */
export function constantLimit(weights: Int16Array): number {
  let largest = 1;
  for (const weight of weights) largest = Math.max(largest, Math.abs(weight));
  return Math.min(2 ** Math.ceil(Math.log2(largest)), INT16_MAX);
}

/** Tabulate canonical signed digits (Reitwiesner 1960) of the magnitudes up to a limit. */
export function digitTable(limit: number): DigitTable {
  const table = known.get(limit) ?? makeTable(limit);
  known.set(limit, table);
  return table;
}

function makeTable(limit: number): DigitTable {
  const digits = Uint8Array.from({ length: limit + 1 }, (_, value) => signedDigitCount(value));
  const mostDigits = digits.reduce((most, count) => Math.max(most, count), 0);
  const below: Uint16Array[] = [];
  const above: Uint16Array[] = [];
  for (let most = 0; most <= mostDigits; most++) {
    const under = new Uint16Array(limit + 1);
    const over = new Uint16Array(limit + 1);
    for (let m = 0, last = 0; m <= limit; m++) {
      if (digits[m]! <= most) last = m;
      under[m] = last;
    }
    for (let m = limit, next = 0; m >= 0; m--) {
      over[m] = next;
      if (digits[m]! <= most) next = m;
    }
    below.push(under);
    above.push(over);
  }
  return { limit, digits, mostDigits, below, above };
}

/**
 * Choose the constant q that minimizes curvature · (target − q)² + price · (digits of q), of at most `mostDigits` digits; of equals
 * the one with fewer digits, then the smaller one.
 */
export function cheapestConstant(
  table: DigitTable,
  target: number,
  {
    curvature,
    price,
    mostDigits,
  }: { readonly curvature: number; readonly price: number; readonly mostDigits: number },
): number {
  const magnitude = Math.min(Math.abs(target), table.limit);
  const floor = Math.floor(magnitude);
  let best = 0;
  let least = curvature * target * target;
  const consider = (value: number): void => {
    const miss = Math.abs(target) - value;
    const cost = curvature * miss * miss + price * table.digits[value]!;
    if (cost < least) {
      least = cost;
      best = value;
    }
  };
  const most = Math.min(mostDigits, table.mostDigits);
  for (let count = 1; count <= most; count++) {
    // What follows costs at least this, whatever it misses.
    if (price * count >= least) break;
    consider(table.below[count]![floor]!);
    consider(table.above[count]![floor]!);
  }
  return target < 0 && best !== 0 ? -best : best;
}

/** Round an integer to the nearest one of at most so many signed digits; ties go to fewer digits, then towards zero. */
export function roundToDigits(table: DigitTable, value: number, mostDigits: number): number {
  return cheapestConstant(table, value, { curvature: 1, price: 0, mostDigits });
}
