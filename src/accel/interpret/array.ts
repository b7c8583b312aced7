/** Operand of a fetch that lies outside the source. */
export const PADDING = -1;

/** Buffers and sizes of a pass of the array; all belong to the caller. */
export type ArrayPass = {
  /** The activation memory. */
  readonly bytes: Uint8Array;
  /** Byte that stands for {@link PADDING}. */
  readonly padding: number;
  /** Where operands lie in `bytes`: a word an output, or a slice an output and slot (slot fastest). */
  readonly operands: Int32Array;
  /** Outputs of the pass. */
  readonly outputs: number;
  /** Weights, lane k's of slot j at k·cPar + j. */
  readonly weights: Int16Array;
  readonly cPar: number;
  readonly kPar: number;
  /** Gets the sums, lane k's of output i at i·kPar + k. */
  readonly sums: Int32Array;
};

/** Multiply words of cPar bytes, the same for all lanes. */
export function multiplyWords(pass: ArrayPass): void {
  const { bytes, padding, operands, outputs, weights, cPar, kPar, sums } = pass;
  const word = new Int32Array(cPar);
  for (let i = 0; i < outputs; i++) {
    const at = operands[i]!;
    if (at === PADDING) word.fill(padding);
    else for (let j = 0; j < cPar; j++) word[j] = bytes[at + j]!;
    for (let k = 0; k < kPar; k++) {
      let sum = 0;
      for (let j = 0, w = k * cPar; j < cPar; j++, w++) sum += word[j]! * weights[w]!;
      sums[i * kPar + k] = sum;
    }
  }
}

/** Multiply windows: slot s of lane k is byte k of the slice at `operands[i · slots + s]`. */
export function multiplyWindows(pass: ArrayPass, slots: number): void {
  const { bytes, padding, operands, outputs, weights, cPar, kPar, sums } = pass;
  sums.fill(0, 0, outputs * kPar);
  for (let i = 0; i < outputs; i++)
    for (let slot = 0; slot < slots; slot++) {
      const at = operands[i * slots + slot]!;
      for (let k = 0, to = i * kPar; k < kPar; k++, to++) {
        const value = at === PADDING ? padding : bytes[at + k]!;
        sums[to] = sums[to]! + value * weights[k * cPar + slot]!;
      }
    }
}

/** How new sums meet the old ones. */
export type Accumulation = {
  /** Old sums count as 0. */
  readonly begin: boolean;
  /** Old sums are multiplied by 256 first. */
  readonly scale: boolean;
  /** The larger one stays; at the beginning the new one. */
  readonly maximum: boolean;
};

/** Put `count` new sums to the old ones, in 32 bits that wrap around. */
export function accumulate(
  old: Int32Array,
  added: Int32Array,
  count: number,
  { begin, scale, maximum }: Accumulation,
): void {
  const factor = begin ? 0 : scale ? 256 : 1;
  for (let i = 0; i < count; i++) {
    const scaled = Math.imul(old[i]!, factor);
    const sum = added[i]!;
    old[i] = maximum ? (begin ? sum : Math.max(scaled, sum)) : scaled + sum;
  }
}
