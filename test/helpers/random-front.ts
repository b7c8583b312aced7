import type { Rng } from "../../src/core/index.js";
import { nodeName } from "../../src/graph/index.js";
import type { QuantNetwork, QuantNode, QuantType, Requantization } from "../../src/quant/index.js";
import { quantType, randomWeighted } from "./quant-networks.js";

/** A TensorFlow Lite requantization that brings sums of about `largest` into 8 bits. */
function tfliteTo8Bits(rng: Rng, channels: number, largest: number): Requantization {
  const exponent = Math.max(0, Math.round(Math.log2(largest)) - 7);
  return {
    mode: "tflite",
    multipliers: Int32Array.from({ length: channels }, () => 2 ** 30 + rng.integer(2 ** 30)),
    shifts: Int32Array.from({ length: channels }, () => -Math.max(0, exponent - rng.integer(2))),
    ...(rng.integer(2) === 0 ? {} : { ties: "up" as const }),
  };
}

/** The nearest pure shifts of a `lean` requantization. */
function shiftOf({ multipliers, shifts }: Requantization): Requantization {
  const whole = shifts.map((shift, c) =>
    Math.max(1, shift - Math.round(Math.log2(Math.max(1, multipliers[c]!)))),
  );
  return { mode: "shift", multipliers: multipliers.map(() => 1), shifts: whole };
}

/** A chain of random convolutions, depthwise convolutions and maximum pools on an image of random size. */
export function randomFront(
  rng: Rng,
  options: {
    readonly layers: number;
    readonly mode: Requantization["mode"];
    readonly side?: number;
    readonly channels?: number;
  },
): QuantNetwork {
  const side = options.side ?? 5;
  const input = quantType([2 + rng.integer(side), 2 + rng.integer(side), 1 + rng.integer(3)], {
    zeroPoint: rng.integer(256),
  });
  const nodes: QuantNode[] = [{ kind: "input", name: nodeName("image"), output: input }];
  let type: QuantType = input;
  while (nodes.length <= options.layers) {
    const kind = (["conv2d", "depthwiseConv2d", "pointwise", "maxPool2d"] as const)[rng.integer(4)]!;
    const small = (n: number): number => (kind === "pointwise" ? 1 : 1 + rng.integer(Math.min(3, n)));
    const [height = 1, width = 1, channels = 1] = type.shape;
    const kernel = { height: small(height), width: small(width) };
    const stride = { height: 1 + rng.integer(3), width: 1 + rng.integer(3) };
    const padding = {
      top: rng.integer(kernel.height),
      bottom: rng.integer(kernel.height),
      left: rng.integer(kernel.width),
      right: rng.integer(kernel.width),
    };
    const name = nodeName(`layer.${nodes.length}`);
    const before = nodes.at(-1)!.name;
    if (kind === "maxPool2d") {
      const extent = (n: number, k: number, s: number, pad: number): number =>
        Math.floor((n + pad - k) / s) + 1;
      const shape = [
        extent(height, kernel.height, stride.height, padding.top + padding.bottom),
        extent(width, kernel.width, stride.width, padding.left + padding.right),
        channels,
      ];
      nodes.push({ kind, name, input: before, output: { ...type, shape }, window: kernel, stride, padding });
    } else {
      const real = kind === "pointwise" ? "conv2d" : kind;
      const outputs =
        kind === "depthwiseConv2d" ? channels * (1 + rng.integer(2)) : 1 + rng.integer(options.channels ?? 4);
      const layer = randomWeighted(rng, real, type, outputs, { kernel, stride, padding });
      const signed = rng.integer(2) === 1;
      const zeroPoint = rng.integer(256) - (signed ? 128 : 0);
      const [lowest, highest] = signed ? [-128, 127] : [0, 255];
      const relu = rng.integer(2) === 1;
      const clamp = {
        low: relu ? zeroPoint : lowest!,
        high: relu ? Math.min(highest!, zeroPoint + 90) : highest!,
      };
      const taps = kernel.height * kernel.width * (real === "conv2d" ? channels : 1);
      const requantization =
        options.mode === "tflite"
          ? tfliteTo8Bits(rng, outputs, Math.sqrt(taps) * 127 * 255)
          : options.mode === "shift"
            ? shiftOf(layer.requantization)
            : layer.requantization;
      // Some zero weights, as after pruning.
      const weights = {
        ...layer.weights,
        data: layer.weights.data.map((w) => (rng.integer(4) === 0 ? 0 : w)),
      };
      nodes.push({
        ...layer,
        name,
        input: before,
        output: { ...layer.output, signed, zeroPoint },
        weights,
        clamp,
        requantization,
      });
    }
    type = nodes.at(-1)!.output;
  }
  return {
    kind: "quantNetwork",
    name: "random",
    encoding: { scale: 1, offset: 0 },
    nodes,
    output: nodes.at(-1)!.name,
  };
}
