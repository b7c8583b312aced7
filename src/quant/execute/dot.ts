/** Reorder weights [taps, outChannels] to [outChannels, taps], so that each output's weights lie side by side. */
export function outputMajor(weights: Int16Array, taps: number, outChannels: number): Int16Array {
  const reordered = new Int16Array(weights.length);
  for (let t = 0; t < taps; t++) {
    for (let o = 0; o < outChannels; o++) reordered[o * taps + t] = weights[t * outChannels + o]!;
  }
  return reordered;
}

/**
 * accumulators[o] += Σ_t weights[o, t] · patch[t], in int32. Four outputs at a time share each load of the patch.
 * No step overflows: every partial sum lies in the interval that the verifier checked.
 */
export function addDotProducts(accumulators: Int32Array, weights: Int16Array, patch: Int32Array): void {
  const taps = patch.length;
  const outputs = accumulators.length;
  let o = 0;
  for (; o + 4 <= outputs; o += 4) {
    let w0 = o * taps;
    let w1 = w0 + taps;
    let w2 = w1 + taps;
    let w3 = w2 + taps;
    let a0 = accumulators[o]!;
    let a1 = accumulators[o + 1]!;
    let a2 = accumulators[o + 2]!;
    let a3 = accumulators[o + 3]!;
    for (let t = 0; t < taps; t++) {
      const x = patch[t]!;
      a0 = (a0 + Math.imul(weights[w0++]!, x)) | 0;
      a1 = (a1 + Math.imul(weights[w1++]!, x)) | 0;
      a2 = (a2 + Math.imul(weights[w2++]!, x)) | 0;
      a3 = (a3 + Math.imul(weights[w3++]!, x)) | 0;
    }
    accumulators[o] = a0;
    accumulators[o + 1] = a1;
    accumulators[o + 2] = a2;
    accumulators[o + 3] = a3;
  }
  for (; o < outputs; o++) {
    let a = accumulators[o]!;
    for (let t = 0, w = o * taps; t < taps; t++, w++) a = (a + Math.imul(weights[w]!, patch[t]!)) | 0;
    accumulators[o] = a;
  }
}
