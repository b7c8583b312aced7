/**
 * Factors are enlarged by this share, two units in the last place of float32 or less: QuantizeLinear rounds ties to even, the
 * integer network upwards, and ties are frequent where multipliers have few digits. So enlarged, a positive tie lies above
 * the middle, and rounds up; other values are farther from it than that.
 */
export const TIES_UP = 1 + 2 ** -23;

const bits = new DataView(new ArrayBuffer(4));

/** The next float32 above a positive one. */
function above(value: number): number {
  bits.setFloat32(0, value);
  bits.setUint32(0, bits.getUint32(0) + 1);
  return bits.getFloat32(0);
}

/**
 * Find the float32 weight scale under which a layer's requantization is `factor`, as ONNX Runtime computes it: input scale ·
 * weight scale / output scale, in float32. The result is the least one above factor · {@link TIES_UP}: then even
 * the rounding of accumulator · factor to float32 leaves a positive tie above the middle.
 *
 * @param scales of input and output, float32
 */
export function weightScaleFor(
  factor: number,
  scales: { readonly input: number; readonly output: number },
): number {
  const computed = (weight: number): number =>
    Math.fround(Math.fround(scales.input * weight) / scales.output);
  const least = factor * TIES_UP;
  let weight = Math.fround((factor * scales.output) / scales.input);
  while (computed(weight) < least) weight = above(weight);
  return weight;
}
