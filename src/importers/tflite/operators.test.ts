import { describe, expect, it } from "vitest";
import { compareLayers } from "../../../test/helpers/compare-tflite.js";
import { randomIntegers } from "../../../test/helpers/quant-networks.js";
import { pick } from "../../../test/helpers/random-quant-layer.js";
import { int8, int32, type TfliteTensorSpec, tfliteFile } from "../../../test/helpers/tflite-file.js";
import { createRng, type Rng } from "../../core/index.js";
import { quantNetworkFromJson, quantNetworkToJson } from "../../quant/index.js";
import { importTflite } from "./import-tflite.js";

type ByteType = "uint8" | "int8";
const byteTypes: readonly ByteType[] = ["uint8", "int8"];

/** Images whose sums are near their ends, in the middle, and of small spread, so that rounding matters. */
function images(rng: Rng, size: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count * size }, (_, i) => {
    const image = Math.floor(i / size);
    if (image % 3 === 0) return rng.integer(256);
    return (((image * 37) & 255) + rng.integer(image % 3 === 1 ? 3 : 20)) & 255;
  });
}

/** Compare with TensorFlow Lite, and the network with its JSON. */
async function judged(file: Uint8Array, rng: Rng, count = 40): Promise<number> {
  const network = importTflite(file, "test.tflite");
  const size = network.nodes[0]!.output.shape.reduce((a, b) => a * b, 1);
  expect(quantNetworkFromJson(JSON.parse(JSON.stringify(quantNetworkToJson(network))))).toEqual(network);
  return compareLayers(file, network, images(rng, size, count), { count });
}

const low = (type: ByteType): number => (type === "int8" ? -128 : 0);

/** An activation tensor; the zero point counts from the type's lowest integer. */
function activation(
  type: ByteType,
  name: string,
  shape: readonly number[],
  [scale, zeroPoint]: readonly [number, number],
): TfliteTensorSpec {
  return { name, shape, type, scales: [scale], zeroPoints: [zeroPoint + low(type)] };
}

/** Weights and bias, one scale or one for each of the channels along `axis`. */
function parameters(
  rng: Rng,
  type: ByteType,
  {
    shape,
    axis,
    perChannel,
    inputScale,
  }: {
    readonly shape: readonly number[];
    readonly axis: number;
    readonly perChannel: boolean;
    readonly inputScale: number;
  },
): readonly [weights: TfliteTensorSpec, bias: TfliteTensorSpec] {
  const channels = shape[axis]!;
  const count = shape.reduce((a, b) => a * b, 1);
  const scales = Array.from({ length: perChannel ? channels : 1 }, () => 0.002 + 0.01 * rng.next());
  const zeroPoints = scales.map(() => (type === "uint8" ? 121 : 0));
  const [least, most] = type === "uint8" ? [0, 255] : [-127, 127];
  return [
    { name: "w", shape, type, scales, zeroPoints, axis, data: randomIntegers(rng, count, least, most) },
    {
      name: "b",
      shape: [channels],
      type: "int32",
      scales: scales.map((scale) => scale * inputScale),
      zeroPoints: scales.map(() => 0),
      data: randomIntegers(rng, channels, -20_000, 20_000),
    },
  ];
}

describe("MEAN over height and width gives TensorFlow Lite's bytes", () => {
  const quantizations = [
    [0.5, 0, 0.5, 0],
    [0.5, 40, 0.5, 40],
    [0.5, 128, 0.5, 128],
    [0.5, 40, 0.31, 17],
    [0.5, 40, 0.9, 200],
    [0.5, 3, 0.5, 200],
    [0.0235294122248888, 0, 0.0187, 0],
    [0.017, 255, 0.013, 129],
  ] as const;
  it.each(byteTypes.flatMap((type) => [true, false].map((isKept) => ({ type, isKept }))))(
    "$type, dimensions kept: $isKept",
    async ({ type, isKept }) => {
      const rng = createRng(3);
      for (const [inputScale, inputZero, outputScale, outputZero] of quantizations) {
        for (const [height, width, axes] of [
          [7, 7, [1, 2]],
          [4, 4, [2, 1]],
          [3, 5, [-3, -2]],
          [1, 1, [1, 2]],
        ] as const) {
          const file = tfliteFile(
            [
              activation(type, "image", [1, height, width, 12], [inputScale, inputZero]),
              { name: "axes", shape: [2], type: "int32", data: axes },
              activation(type, "mean", isKept ? [1, 1, 1, 12] : [1, 12], [outputScale, outputZero]),
            ],
            [{ op: "MEAN", inputs: [0, 1], outputs: [2], options: { 0: int8(isKept ? 1 : 0) } }],
          );
          expect(await judged(file, rng)).toBe(40 * 12);
        }
      }
    },
  );

  it("and a mean over the channels is refused", () => {
    const file = tfliteFile(
      [
        activation("uint8", "image", [1, 4, 4, 3], [1, 0]),
        { name: "axes", shape: [1], type: "int32", data: [3] },
        activation("uint8", "mean", [1, 4, 4], [1, 0]),
      ],
      [{ op: "MEAN", inputs: [0, 1], outputs: [2] }],
    );
    expect(() => importTflite(file, "test.tflite")).toThrow(/anything but height and width/);
  });
});

const variants = byteTypes.flatMap((type) =>
  (type === "int8" ? [false, true] : [false]).map((perChannel) => ({ type, perChannel })),
);

describe("weighted layers give TensorFlow Lite's bytes", () => {
  it.each(variants)("PAD, CONV_2D, DEPTHWISE_CONV_2D: $type, per channel: $perChannel", async (variant) => {
    const { type, perChannel } = variant;
    for (let seed = 0; seed < 12; seed++) {
      const rng = createRng(seed);
      const [inputScale, middleScale] = [0.02 + 0.05 * rng.next(), 0.1 + 0.2 * rng.next()];
      const first = parameters(rng, type, { shape: [5, 3, 3, 3], axis: 0, perChannel, inputScale });
      const second = parameters(rng, type, {
        shape: [1, 3, 3, 5],
        axis: 3,
        perChannel,
        inputScale: middleScale,
      });
      const zero = pick(rng, 0, 128, 255, rng.integer(256));
      const stride = pick(rng, 1, 2);
      const relu = () => int8(pick(rng, 0, 1, 3));
      const file = tfliteFile(
        [
          activation(type, "image", [1, 9, 8, 3], [inputScale, zero]),
          { name: "pads", shape: [4, 2], type: "int32", data: [0, 0, 1, 1, 0, 1, 0, 0] },
          activation(type, "padded", [1, 11, 9, 3], [inputScale, zero]),
          ...first,
          activation(type, "conv", [1, 9, 7, 5], [middleScale, pick(rng, 0, 77, 200)]),
          ...second,
          activation(
            type,
            "depthwise",
            [1, Math.ceil(9 / stride), Math.ceil(7 / stride), 5],
            [0.3, pick(rng, 0, 100)],
          ),
        ],
        [
          { op: "PAD", inputs: [0, 1], outputs: [2] },
          {
            op: "CONV_2D",
            inputs: [2, 3, 4],
            outputs: [5],
            options: { 0: int8(1), 1: int32(1), 2: int32(1), 3: relu() },
          },
          {
            op: "DEPTHWISE_CONV_2D",
            inputs: [5, 6, 7],
            outputs: [8],
            options: { 0: int8(0), 1: int32(stride), 2: int32(stride), 3: int32(1), 4: relu() },
          },
        ],
      );
      expect(await judged(file, rng, 6)).toBeGreaterThan(6 * 315);
    }
  });

  it.each(byteTypes)("FULLY_CONNECTED and SOFTMAX: %s", async (type) => {
    for (let seed = 0; seed < 12; seed++) {
      const rng = createRng(seed);
      const inputScale = 0.02 + 0.05 * rng.next();
      const both = parameters(rng, type, { shape: [7, 33], axis: 0, perChannel: false, inputScale });
      const file = tfliteFile(
        [
          activation(type, "image", [1, 33], [inputScale, rng.integer(256)]),
          ...both,
          activation(type, "dense", [1, 7], [0.2, rng.integer(256)]),
          activation(type, "softmax", [1, 7], [1 / 256, 0]),
        ],
        [
          { op: "FULLY_CONNECTED", inputs: [0, 1, 2], outputs: [3], options: { 0: int8(0) } },
          { op: "SOFTMAX", inputs: [3], outputs: [4], options: { 0: { kind: "float32", value: 1 } } },
        ],
      );
      expect(await judged(file, rng)).toBe(40 * 7);
    }
  });
});
