import { loadMobileNet, loadPhotos } from "../bench/mobilenet.js";
import { FixynnError } from "../src/core/index.js";
import { type PartName, stripePixels } from "../src/cost/index.js";
import { nodeName } from "../src/graph/index.js";
import { executeQuantNetwork } from "../src/quant/index.js";

/** Values of a part's input ports in successive cycles; numbers are taken modulo the port's width, lowest bit first. */
export type Operands = ReadonlyMap<string, readonly bigint[]>;

/** Where the operands are from, for the record. */
export const OPERANDS =
  "Conv2d_5_pointwise of the quantized MobileNetV1-0.25 on one photo: activations of successive pixels (minus 128), real weights held for 8 pixels, real sums";

const PIXELS = 256;
const CHANNELS = 64;
const word = (bytes: readonly number[]): bigint =>
  bytes.reduce((sum, byte, i) => sum | (BigInt(byte & 255) << BigInt(8 * i)), 0n);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Record operands of every part as they come in the array: weights stay for a stripe of pixels, activations stream. */
export async function recordOperands(): Promise<ReadonlyMap<PartName, Operands>> {
  const { network } = loadMobileNet();
  const photos = await loadPhotos(network, 1);
  const before = nodeName("Conv2d_5_depthwise");
  const values = executeQuantNetwork(network, photos, 1, { outputs: [before] }).get(before)!;
  const layer = network.nodes.find(({ name }) => name === "Conv2d_5_pointwise");
  if (layer?.kind !== "conv2d") throw new FixynnError("FX9012", "no layer to take operands from");
  const { data, shape } = layer.weights;
  const outputs = shape.at(-1)!;
  // A row of pixels in the middle of the picture, and the rows below.
  const from = 10 * 28 * CHANNELS;
  const activation = (pixel: number, channel: number): number =>
    values[from + pixel * CHANNELS + channel]! - 128;
  const clip = (value: number): number => Math.max(-128, Math.min(127, value));
  const weight = (channel: number, output: number): number => clip(data[channel * outputs + output]!);
  const x: bigint[] = [];
  const w: bigint[] = [];
  const dots: bigint[] = [];
  const first: bigint[] = [];
  const index: bigint[] = [];
  const sums: bigint[] = [];
  const scales: bigint[] = [];
  const bytes: bigint[] = [];
  const groups = CHANNELS / 8;
  for (let stripe = 0; stripe < PIXELS / stripePixels; stripe++) {
    const output = stripe % outputs;
    const total = new Array<number>(stripePixels).fill(0);
    for (let g = 0; g < groups; g++) {
      for (let p = 0; p < stripePixels; p++) {
        const pixel = stripe * stripePixels + p;
        const xs = range(8).map((i) => activation(pixel, g * 8 + i));
        const ws = range(8).map((i) => weight(g * 8 + i, output));
        const dot = xs.reduce((sum, value, i) => sum + value * ws[i]!, 0);
        total[p]! += dot;
        x.push(word(xs));
        w.push(word(ws));
        dots.push(BigInt(dot));
        first.push(g === 0 ? 1n : 0n);
        index.push(BigInt(p));
        bytes.push(BigInt(xs[0]! & 255));
      }
    }
    for (const sum of total) {
      sums.push(BigInt(sum));
      // A channel's multiplier stays while its stripe is requantized.
      scales.push(BigInt(32768 + ((output * 2654435761) % 32768)));
    }
  }
  const always = (value: bigint, like: readonly bigint[]): bigint[] => like.map(() => value);
  const shifted = (list: readonly bigint[], by: number): bigint[] =>
    list.map((_, i) => list[(i + by) % list.length]!);
  return new Map<PartName, Operands>([
    [
      "dot8",
      new Map([
        ["x", x],
        ["w", w],
      ]),
    ],
    [
      "treeAdder",
      new Map([
        ["x", dots],
        ["w", shifted(dots, stripePixels)],
      ]),
    ],
    [
      "accumulator",
      new Map([
        ["x", dots],
        ["first", first],
        ["index", index],
      ]),
    ],
    ["operandRegister", new Map([["x", bytes]])],
    [
      "operandMux",
      new Map([
        ["x", bytes],
        ["w", shifted(bytes, 1)],
        ["first", always(0n, bytes)],
      ]),
    ],
    [
      "requantizer",
      new Map([
        ["x", sums],
        ["bias", always(1234n, sums)],
        ["w", scales],
        ["right", always(7n, sums)],
        ["zero", always(0n, sums)],
      ]),
    ],
  ]);
}
