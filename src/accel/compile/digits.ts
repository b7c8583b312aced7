import type { Plane } from "./operation.js";

/** Weights of an operand, [kernel row][kernel column][input channel][output channel]. */
export type OperandWeights = { readonly source: 0 | 1; readonly values: Int32Array };

/** Weights as the array takes them: digits to base 256, highest plane first, and what bytes are above them. */
export type WeightPlanes = { readonly planes: readonly Plane[]; readonly weightZero: number };

/**
 * Split weights into planes of digits that the array's multipliers hold: one plane where they fit, else digits to base 256.
 *
 * An engine of 9 bits holds bytes less a zero, which is chosen so that the digits are −zero … 255 − zero; 0 is always among them.
 */
export function weightPlanes(operands: readonly OperandWeights[], weightBits: 8 | 9): WeightPlanes {
  let low = 0;
  let high = 0;
  for (const { values } of operands)
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  const zero = weightBits === 9 && high - low <= 255 ? -low : 128;
  const digits = operands.map(({ source, values }) => ({ source, levels: digitLevels(values, zero) }));
  const levels = Math.max(1, ...digits.map((one) => one.levels.length));
  const planes: Plane[] = [];
  for (let level = levels - 1; level >= 0; level--) {
    const there = digits.flatMap(({ source, levels: own }) => {
      const found = own[level];
      return found === undefined ? [] : [{ source, digits: found }];
    });
    there.forEach((one, i) => {
      planes.push({ ...one, scale: i === 0 && level < levels - 1 });
    });
  }
  return { planes, weightZero: weightBits === 9 ? zero : 0 };
}

/** Digits of all values, lowest first; at least one. */
function digitLevels(values: Int32Array, zero: number): Int16Array[] {
  const levels: Int16Array[] = [];
  let rest = Float64Array.from(values);
  do {
    const digits = Int16Array.from(rest, (value) => ((((value + zero) % 256) + 256) % 256) - zero);
    rest = rest.map((value, i) => (value - digits[i]!) / 256);
    levels.push(digits);
  } while (rest.some((value) => value !== 0));
  return levels;
}
