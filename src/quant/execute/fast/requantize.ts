import type { Clamp, Requantization } from "../../nodes.js";
import { LANES } from "./memory.js";

/** Bytes of the constants of eight channels: 8 int32 bias, 8 float64 factors, offsets and nudges. */
const BLOCK_BYTES = 224;

/** Constants of a layer's requantization in the layout of the kernels. */
export type FastConstants = {
  readonly blocks: number;
  readonly data: Uint8Array;
  /** Whether the nudge must bear the sign of the sum. */
  readonly isSigned: boolean;
};

/** factor, offset and nudge of one channel; see {@link fastConstants}. */
type Affine = { readonly factor: number; readonly offset: number; readonly nudge: number };

/**
 * Split a channel's requantization, or return undefined where doubles could not be exact.
 *
 * @param reach largest magnitude of an output integer, zero point subtracted
 * @param largest bound of the accumulator's magnitude
 */
function affine(
  { mode, ties }: { readonly mode: Requantization["mode"]; readonly ties: "up" | undefined },
  [multiplier, shift]: readonly [number, number],
  { reach, largest }: { readonly reach: number; readonly largest: number },
): Affine | undefined {
  const fractionBits = mode === "tflite" ? 31 - shift : shift;
  const factor = multiplier * 2 ** -fractionBits;
  // Below `reach` + 3 every sum is a multiple of half a unit of the product, and must be a double.
  if ((reach + 3) * 2 ** (fractionBits + 1) > 2 ** 53) return undefined;
  if (largest * factor >= 2 ** 31 - 4) return undefined;
  const halfUnit = 2 ** -(fractionBits + 1);
  if (mode !== "tflite" || shift >= 0) return { factor, offset: halfUnit, nudge: 0 };
  const nudge = 2 ** (shift - 1);
  return ties === "up" ? { factor, offset: nudge + halfUnit, nudge: 0 } : { factor, offset: halfUnit, nudge };
}

/**
 * Requantization as round(t + offset ± nudge) in doubles, t = acc · factor, every step exact where it matters; `undefined` where
 * the proof does not hold.
 *
 * With F fraction bits (`shift`, or 31 − `shift` in `tflite` mode) t is a multiple of u = 2^−F.
 * - `lean`, `shift`: floor(t + 1/2) = round(t + u/2): the half unit keeps away from ties.
 * - `tflite` without rounding shift: the same.
 * - `tflite`, rounding shift e ≥ 1, ties up: floor((floor(acc · m / 2^31 + 1/2) + 2^(e−1)) / 2^e) = floor(t + h + 1/2), h = 2^−(e+1).
 * - ties away from zero: a negative first result x needs x ≥ −(k + 1/2) · 2^e + 1 to reach −k, which is t − h ≥ −(k + 1/2): the nudge h
 *   bears the sign of t. Where negative results are clamped anyway, it need not.
 *
 * The sums are exact while |t| stays within reach + 2 (multiples of u/2 below 2^53 units). Beyond, rounding is monotonic,
 * so the result stays beyond the clamp, as it must; and it stays within int32, as `largest` says.
 *
 * @param clamp bounds of the output integers less the zero point; 0 must lie between
 * @param bias what the accumulators begin with
 * @param largest bound of each channel's accumulator magnitude
 */
export function fastConstants(
  requantization: Requantization,
  channels: number,
  {
    clamp,
    bias,
    largest,
  }: { readonly clamp: Clamp; readonly bias?: Int32Array; readonly largest: (channel: number) => number },
): FastConstants | undefined {
  const blocks = Math.ceil(channels / LANES);
  const data = new Uint8Array(blocks * BLOCK_BYTES);
  const biases = new Int32Array(data.buffer);
  const doubles = new Float64Array(data.buffer);
  const { mode, multipliers, shifts } = requantization;
  const kind = { mode, ties: requantization.mode === "tflite" ? requantization.ties : undefined };
  const reach = Math.max(-clamp.low, clamp.high);
  const isSigned =
    mode === "tflite" && kind.ties !== "up" && clamp.low < 0 && shifts.some((shift) => shift < 0);
  for (let c = 0; c < channels; c++) {
    const entry = multipliers.length === 1 ? 0 : c;
    const found = affine(kind, [multipliers[entry]!, shifts[entry]!], { reach, largest: largest(c) });
    if (found === undefined) return undefined;
    const block = Math.floor(c / LANES);
    const lane = c % LANES;
    biases[(block * BLOCK_BYTES) / 4 + lane] = bias?.[c] ?? 0;
    const at = (block * BLOCK_BYTES) / 8 + 4 + lane;
    doubles[at] = found.factor;
    doubles[at + LANES] = found.offset + (isSigned ? 0 : found.nudge);
    doubles[at + 2 * LANES] = isSigned ? found.nudge : 0;
  }
  return { blocks, data, isSigned };
}
