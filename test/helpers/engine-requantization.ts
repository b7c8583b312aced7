/** A lane's parameters and sum of the engine's requantization. */
export type RequantizedValue = {
  readonly sum: number;
  readonly bias: number;
  readonly multiplier: number;
  readonly shift: number;
};
/** What all lanes of a layer have in common. */
export type RequantizedLayer = {
  readonly doubleRounding: boolean;
  readonly tiesAway: boolean;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
};

/** The byte that docs/accel.md's formula gives, in big integers. */
export function requantizedByte(
  { sum, bias, multiplier, shift }: RequantizedValue,
  layer: RequantizedLayer,
): number {
  const p = BigInt.asIntN(32, BigInt(sum) + BigInt(bias)) * BigInt(multiplier);
  const x = layer.doubleRounding ? (p + (1n << 30n)) >> 31n : p;
  const s = BigInt(shift);
  const half = s === 0n ? 0n : (1n << (s - 1n)) - (layer.tiesAway && x < 0n ? 1n : 0n);
  const r = ((x + half) >> s) + BigInt(layer.zeroPoint);
  return Number(r < BigInt(layer.low) ? BigInt(layer.low) : r > BigInt(layer.high) ? BigInt(layer.high) : r);
}
