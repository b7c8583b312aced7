import { type EngineConfig, engineShape } from "../../src/accel/config.js";
import { SPACES } from "../../src/accel/isa/index.js";
import type { Rng } from "../../src/core/index.js";
import {
  convolution,
  type HandConvolution,
  type HandDescriptor,
  type HandTensor,
  handProgram,
  type LayerValues,
} from "./engine-program.js";

type Parameters = ReturnType<HandConvolution["parameters"]>;

/** A convolution straight from its definition. */
export function direct(
  source: Uint8Array,
  { windowed, source: from, target, kernel, stride, before, weight, parameters }: HandConvolution,
  padding: number,
): Uint8Array {
  const result = new Uint8Array(target.height * target.width * target.channels);
  let at = 0;
  for (let y = 0; y < target.height; y++)
    for (let x = 0; x < target.width; x++)
      for (let c = 0; c < target.channels; c++) {
        let sum = 0;
        for (let ky = 0; ky < kernel.rows; ky++)
          for (let kx = 0; kx < kernel.columns; kx++) {
            const [sy, sx] = [y * stride + ky - before, x * stride + kx - before];
            const inside = sy >= 0 && sy < from.height && sx >= 0 && sx < from.width;
            const byte = (i: number): number =>
              inside ? source[(sy * from.width + sx) * from.channels + i]! : padding;
            if (windowed) sum += byte(c) * weight(c, ky, kx, 0);
            else for (let i = 0; i < from.channels; i++) sum += byte(i) * weight(c, ky, kx, i);
          }
        const { bias, multiplier, shift } = parameters(c);
        result[at++] = Math.max(0, Math.min(255, Math.round(((sum + bias) * multiplier) / 2 ** shift)));
      }
  return result;
}

/** Draw a tensor, H × W × C. */
export const tensorOf = (rng: Rng, { height, width, channels }: Omit<HandTensor, "start">): Uint8Array =>
  Uint8Array.from({ length: height * width * channels }, () => rng.integer(256));

/** A tensor in memory: words row after row, random bytes behind the channels. */
export function toWords(values: Uint8Array, channels: number, wordBytes: number, rng: Rng): Uint8Array {
  const pixelBytes = Math.ceil(channels / wordBytes) * wordBytes;
  const pixels = values.length / channels;
  const words = Uint8Array.from({ length: pixels * pixelBytes }, () => rng.integer(256));
  for (let i = 0; i < pixels; i++)
    words.set(values.subarray(i * channels, (i + 1) * channels), i * pixelBytes);
  return words;
}

/** Words a bank that a tensor takes. */
export const bankWordsOf = (tensor: Omit<HandTensor, "start">, config: EngineConfig): number =>
  Math.ceil(tensor.height / 4) * tensor.width * Math.ceil(tensor.channels / engineShape(config).wordBytes);

/** Write a transfer of a tensor, to or from the activation memory. */
export const transfer = (
  kind: "load" | "store",
  tensor: HandTensor,
  config: EngineConfig,
  values: Partial<(HandDescriptor & { kind: "load" })["values"]>,
): HandDescriptor => ({
  kind,
  values: {
    start: tensor.start,
    rows: tensor.height,
    rowWords: tensor.width * Math.ceil(tensor.channels / engineShape(config).wordBytes),
    ...values,
  },
});

/** Draw a convolution of some size, with strides, kernels and stripes of all sorts; its tensors lie anywhere in the banks. */
export function randomConvolution(rng: Rng, config: EngineConfig): HandConvolution {
  const one = (low: number, high: number): number => low + rng.integer(high - low + 1);
  const windowed = rng.integer(2) === 1;
  const stride = one(1, 5);
  const kernel = { rows: one(1, 5), columns: one(1, 5) };
  const before = one(0, 2);
  const source = {
    height: one(5, 9),
    width: one(5, 9),
    channels: one(1, 2.5 * config.kPar),
    start: one(0, 65535),
  };
  const outputs = (size: number, taps: number): number => Math.floor((size + 2 * before - taps) / stride) + 1;
  const target = {
    height: outputs(source.height, kernel.rows),
    width: outputs(source.width, kernel.columns),
    channels: windowed ? source.channels : one(1, 2.5 * config.kPar),
    start: (source.start + bankWordsOf(source, config)) % 65536,
  };
  const table = new Map<string, number>();
  const pick = <T>(key: string, make: () => T, from: Map<string, T>): T => {
    if (!from.has(key)) from.set(key, make());
    return from.get(key)!;
  };
  const parameters = new Map<string, Parameters>();
  return {
    windowed,
    source,
    target,
    kernel,
    stride,
    before,
    stripe: { rows: one(1, 4), columns: one(1, 4) },
    fourRows: windowed && rng.integer(2) === 1,
    mode: rng.integer(3) === 0 ? "stream" : "plain",
    weight: (...key) => pick(key.join(), () => one(-128, 127), table),
    parameters: (output) =>
      pick(
        `${output}`,
        () => ({ bias: one(-9000, 9000), multiplier: one(1, 255), shift: one(9, 14) }),
        parameters,
      ),
    values: { padding: rng.integer(256), weightZero: config.weightBits === 9 ? 128 : 0 },
  };
}

/** Load, convolve, store. */
export function convolveProgram(config: EngineConfig, given: HandConvolution): Uint8Array {
  return handProgram(config, [
    transfer("load", given.source, config, { space: SPACES.image }),
    withValues(convolution(config, given), { waitTransfers: 1 }),
    transfer("store", given.target, config, { space: SPACES.result, waitLayers: 1 }),
    { kind: "end" },
  ]);
}

/** Change fields of a layer. */
export const withValues = (
  layer: HandDescriptor & { kind: "layer" },
  values: Partial<LayerValues>,
): HandDescriptor & { kind: "layer" } => ({ ...layer, values: { ...layer.values, ...values } });
