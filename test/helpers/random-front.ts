import type { Rng } from "../../src/core/index.js";
import { type NodeName, nodeName } from "../../src/graph/index.js";
import type { LayerParallelism } from "../../src/hw/index.js";
import {
  type ConstantRequantization,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  truncateQuantNetwork,
  verifyQuantNetwork,
} from "../../src/quant/index.js";
import { elementCount, type Shape, type Size2 } from "../../src/tensor/index.js";
import { quantType, randomWeighted } from "./quant-networks.js";

/** A TensorFlow Lite requantization that brings sums of about `largest` into 8 bits. */
function tfliteTo8Bits(rng: Rng, channels: number, largest: number): ConstantRequantization {
  const exponent = Math.max(0, Math.round(Math.log2(largest)) - 7);
  return {
    mode: "tflite",
    multipliers: Int32Array.from({ length: channels }, () => 2 ** 30 + rng.integer(2 ** 30)),
    shifts: Int32Array.from({ length: channels }, () => -Math.max(0, exponent - rng.integer(2))),
    ...(rng.integer(2) === 0 ? {} : { ties: "up" as const }),
  };
}

/** The nearest pure shifts of a `lean` requantization. */
function shiftOf({ multipliers, shifts }: ConstantRequantization): ConstantRequantization {
  const whole = shifts.map((shift, c) =>
    Math.max(1, shift - Math.round(Math.log2(Math.max(1, multipliers[c]!)))),
  );
  return { mode: "shift", multipliers: multipliers.map(() => 1), shifts: whole };
}

/** How random layers may look. */
type LayerChoices = {
  readonly mode: ConstantRequantization["mode"];
  /** Most output channels; default 4. */
  readonly channels?: number | undefined;
  /** Most rows and columns of a kernel; default 3. */
  readonly kernel?: number | undefined;
};

/** How an output of random format is clamped. */
function randomOutput(rng: Rng, shape: Shape) {
  const signed = rng.integer(2) === 1;
  const zeroPoint = rng.integer(256) - (signed ? 128 : 0);
  const [lowest, highest] = signed ? [-128, 127] : [0, 255];
  const relu = rng.integer(2) === 1;
  const clamp = {
    low: relu ? zeroPoint : lowest!,
    high: relu ? Math.min(highest!, zeroPoint + 90) : highest!,
  };
  return { output: quantType(shape, { signed, zeroPoint }), clamp };
}

/** A random layer with weights. */
function weightedLayer(
  rng: Rng,
  kind: "conv2d" | "depthwiseConv2d" | "dense",
  type: QuantType,
  choices: LayerChoices & { readonly outputs?: number | undefined },
  window: Parameters<typeof randomWeighted>[4],
): QuantNode {
  const channels = type.shape.at(-1)!;
  const outputs =
    choices.outputs ??
    (kind === "depthwiseConv2d" ? channels * (1 + rng.integer(2)) : 1 + rng.integer(choices.channels ?? 4));
  const layer = randomWeighted(rng, kind, type, outputs, window);
  const { output, clamp } = randomOutput(rng, layer.output.shape);
  const taps = layer.weights.data.length / outputs;
  const requantization =
    choices.mode === "tflite"
      ? tfliteTo8Bits(rng, outputs, Math.sqrt(taps) * 127 * 255)
      : choices.mode === "shift"
        ? shiftOf(layer.requantization)
        : layer.requantization;
  // Some zero weights, as after pruning.
  const weights = { ...layer.weights, data: layer.weights.data.map((w) => (rng.integer(4) === 0 ? 0 : w)) };
  return { ...layer, output, weights, clamp, requantization };
}

const extent = (n: number, k: number, s: number, pad: number): number => Math.floor((n + pad - k) / s) + 1;

/** A chain of random convolutions, depthwise convolutions and maximum pools on an image of random size. */
export function randomFront(
  rng: Rng,
  options: LayerChoices & { readonly layers: number; readonly side?: number },
): QuantNetwork {
  const builder = new NetworkBuilder(rng, options.side ?? 5);
  while (builder.nodes.length <= options.layers) {
    const kind = (["conv2d", "depthwiseConv2d", "pointwise", "maxPool2d"] as const)[rng.integer(4)]!;
    const { type } = builder;
    const small = (n: number): number => (kind === "pointwise" ? 1 : 1 + rng.integer(Math.min(3, n)));
    const [height = 1, width = 1] = type.shape;
    const kernel = { height: small(height), width: small(width) };
    const stride = { height: 1 + rng.integer(3), width: 1 + rng.integer(3) };
    const padding = {
      top: rng.integer(kernel.height),
      bottom: rng.integer(kernel.height),
      left: rng.integer(kernel.width),
      right: rng.integer(kernel.width),
    };
    if (kind === "maxPool2d") builder.pool(kind, { kernel, stride, padding });
    else
      builder.push(
        weightedLayer(rng, kind === "pointwise" ? "conv2d" : kind, type, options, {
          kernel,
          stride,
          padding,
        }),
      );
  }
  return builder.network();
}

/** Collects layers, each reading the one before unless it says otherwise. */
class NetworkBuilder {
  readonly nodes: QuantNode[];

  constructor(rng: Rng, side: number) {
    const shape = [2 + rng.integer(side), 2 + rng.integer(side), 1 + rng.integer(3)];
    const input = quantType(shape, { zeroPoint: rng.integer(256) });
    this.nodes = [{ kind: "input", name: nodeName("image"), output: input }];
  }

  get last(): QuantNode {
    return this.nodes.at(-1)!;
  }

  get type(): QuantType {
    return this.last.output;
  }

  push(node: QuantNode, input = this.last): QuantNode {
    const name = nodeName(`layer.${this.nodes.length}`);
    this.nodes.push("input" in node ? { ...node, name, input: input.name } : { ...node, name });
    return this.last;
  }

  pool(
    kind: "maxPool2d" | "averagePool2d",
    { kernel, stride, padding }: Parameters<typeof randomWeighted>[4],
    input = this.last,
  ): QuantNode {
    const [height, width, channels] = input.output.shape as [number, number, number];
    const shape = [
      extent(height, kernel.height, stride.height, padding.top + padding.bottom),
      extent(width, kernel.width, stride.width, padding.left + padding.right),
      channels,
    ];
    const output = { ...input.output, shape };
    return this.push(
      { kind, name: input.name, input: input.name, output, window: kernel, stride, padding },
      input,
    );
  }

  network(): QuantNetwork {
    return {
      kind: "quantNetwork",
      name: "random",
      encoding: { scale: 1, offset: 0 },
      nodes: this.nodes,
      output: this.last.name,
    };
  }
}

/** A residual sum of two layers of one shape; in `tflite` mode scaled as TensorFlow Lite does it. */
export function randomAdd(
  rng: Rng,
  inputs: readonly [QuantNode, QuantNode],
  mode: ConstantRequantization["mode"],
): Extract<QuantNode, { kind: "add" }> {
  const { output, clamp } = randomOutput(rng, inputs[0].output.shape);
  const names = [inputs[0].name, inputs[1].name] as const;
  const base = { kind: "add", name: nodeName("sum"), inputs: names, output, clamp } as const;
  if (mode === "tflite") {
    // Now and then a plain mean, whose ties are rounded away from zero.
    const plain = rng.integer(4) === 0;
    const multiplier = (): number => (plain ? 2 ** 30 : 2 ** 30 + rng.integer(2 ** 30));
    return {
      ...base,
      operandMultipliers: [multiplier(), multiplier()],
      operandShifts: plain ? [0, 0] : [-rng.integer(3), -rng.integer(3)],
      requantization: {
        mode,
        multipliers: Int32Array.of(multiplier()),
        shifts: Int32Array.of(plain ? -19 : -17 - rng.integer(3)),
      },
    };
  }
  const operandMultipliers = [1 + rng.integer(4000), 1 + rng.integer(4000)] as const;
  const multiplier = mode === "shift" ? 1 : 1 + rng.integer(255);
  const bits = Math.ceil(Math.log2((operandMultipliers[0] + operandMultipliers[1]) * multiplier));
  const shifts = Int32Array.of(Math.max(1, bits - 1));
  return {
    ...base,
    operandMultipliers,
    requantization: { mode, multipliers: Int32Array.of(multiplier), shifts },
  };
}

/** A mean over whole images that is requantized. */
function globalAverage(rng: Rng, input: QuantNode, mode: ConstantRequantization["mode"]): QuantNode {
  const [height, width, channels] = input.output.shape as [number, number, number];
  const { output, clamp } = randomOutput(rng, rng.integer(2) === 0 ? [channels] : [1, 1, channels]);
  const real = (0.5 + rng.next()) / (height * width);
  const shift = Math.max(1, Math.ceil(-Math.log2(real)) + 6);
  const mean = {
    kind: "globalAveragePool2d",
    name: nodeName("mean"),
    input: input.name,
    output,
    clamp,
  } as const;
  // By thresholds: a random step function.
  if (mode === "tflite" && rng.integer(2) === 0) {
    const steps = Array.from({ length: clamp.high - clamp.low }, () => rng.integer(256) * height * width);
    const thresholds = Int32Array.from(steps, (step) => step - 128 * height * width).sort();
    const requantization = { mode: "steps", thresholds } as const;
    return { ...mean, requantization };
  }
  const requantization: ConstantRequantization =
    mode === "tflite"
      ? {
          mode,
          multipliers: Int32Array.of(2 ** 30 + rng.integer(2 ** 30)),
          shifts: Int32Array.of(-Math.ceil(Math.log2(height * width))),
        }
      : mode === "shift"
        ? { mode, multipliers: Int32Array.of(1), shifts: Int32Array.of(Math.max(1, shift - 6)) }
        : { mode, multipliers: Int32Array.of(Math.round(real * 2 ** shift)), shifts: Int32Array.of(shift) };
  return { ...mean, requantization };
}

/** Choices of {@link randomResidual}. */
export type ResidualChoices = LayerChoices & {
  readonly blocks: number;
  readonly side?: number;
  /** End in a mean or nothing, a reshape and a dense layer. */
  readonly tail?: boolean;
};

/**
 * A random network with residual sums (also of a layer with itself, and one within the other), pools of both kinds, strides in main branch
 * and shortcut, paddings of every sort, and perhaps a mean, a reshape and a dense layer at the end.
 */
export function randomResidual(rng: Rng, choices: ResidualChoices): QuantNetwork {
  const builder = new NetworkBuilder(rng, choices.side ?? 6);
  const most = choices.kernel ?? 3;
  /** A layer whose output has ⌈side / stride⌉ pixels a side, however wide its kernel. */
  const layer = (input: QuantNode, stride: Size2, outputs: number | undefined): QuantNode => {
    const pick = rng.integer(6);
    const kernel = { height: 1 + rng.integer(most), width: 1 + rng.integer(most) };
    const [top, left] = [rng.integer(kernel.height), rng.integer(kernel.width)];
    const padding = { top, bottom: kernel.height - 1 - top, left, right: kernel.width - 1 - left };
    const same = outputs === undefined || outputs === input.output.shape.at(-1);
    if (pick < 2 && same)
      return builder.pool(pick === 0 ? "maxPool2d" : "averagePool2d", { kernel, stride, padding }, input);
    const kind = pick === 2 && same ? "depthwiseConv2d" : "conv2d";
    const own = kind === "conv2d" ? outputs : input.output.shape.at(-1);
    const made = weightedLayer(
      rng,
      kind,
      input.output,
      { ...choices, outputs: own },
      { kernel, stride, padding },
    );
    return builder.push(made, input);
  };
  const one = { height: 1, width: 1 };
  const block = (input: QuantNode, depth: number): QuantNode => {
    const stride = { height: 1 + rng.integer(3), width: 1 + rng.integer(3) };
    const plain = rng.integer(3) === 0 || depth > 0;
    let main = layer(input, plain ? one : stride, undefined);
    for (let extra = rng.integer(3); extra > 0; extra--) {
      const channels = main.output.shape.at(-1);
      main = depth === 0 && rng.integer(4) === 0 ? block(main, 1) : layer(main, one, channels);
    }
    const outputs = main.output.shape.at(-1)!;
    const isIdentity = plain && outputs === input.output.shape.at(-1) && rng.integer(3) > 0;
    const shortcut = isIdentity ? input : layer(input, plain ? one : stride, outputs);
    const pair = rng.integer(2) === 0 ? ([main, shortcut] as const) : ([shortcut, main] as const);
    return builder.push(randomAdd(rng, rng.integer(12) === 0 ? [main, main] : pair, choices.mode));
  };
  let last: QuantNode = builder.last;
  for (let i = 0; i < choices.blocks; i++) last = block(last, 0);
  if (choices.tail === true) {
    const pooled = rng.integer(3);
    if (pooled === 0) last = builder.push(globalAverage(rng, last, choices.mode), last);
    if (pooled === 1) {
      const [height, width] = last.output.shape as [number, number];
      const padding = { top: 0, bottom: 0, left: 0, right: 0 };
      last = builder.pool("averagePool2d", { kernel: { height, width }, stride: one, padding }, last);
    }
    const output = { ...last.output, shape: [elementCount(last.output.shape)] };
    last = builder.push({ kind: "reshape", name: last.name, input: last.name, output }, last);
    if (rng.integer(4) > 0) {
      const window = { kernel: one, stride: one, padding: { top: 0, bottom: 0, left: 0, right: 0 } };
      builder.push(weightedLayer(rng, "dense", output, choices, window), last);
    }
  }
  return reachable(builder.network());
}

/** Leave out what the output does not depend on (a main branch that a sum of a layer with itself has lost). */
const reachable = (network: QuantNetwork): QuantNetwork =>
  verifyQuantNetwork(truncateQuantNetwork(network, network.output));

/** Outputs of a weighted layer and the taps of each. */
export function sizesOf(node: QuantNode): { readonly outputs: number; readonly taps: number } | undefined {
  if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d" && node.kind !== "dense") return undefined;
  const outputs = node.output.shape.at(-1)!;
  return { outputs, taps: node.weights.data.length / outputs };
}

/** A random parallelism for each weighted layer of a network. */
export function randomFolding(rng: Rng, network: QuantNetwork): ReadonlyMap<NodeName, LayerParallelism> {
  const layers = new Map<NodeName, LayerParallelism>();
  for (const node of network.nodes) {
    const sizes = sizesOf(node);
    if (sizes === undefined || rng.integer(8) === 0) continue;
    const lanes = 1 + rng.integer(sizes.outputs);
    // One tap at a time is a form of its own for depthwise layers.
    const inputs = rng.integer(3) === 0 ? 1 : 1 + rng.integer(sizes.taps);
    const fifo = rng.integer(3) === 0 ? { fifo: 1 + rng.integer(5) } : {};
    const entries = rng.integer(3) === 0 ? { entries: 2 + rng.integer(4) } : {};
    layers.set(node.name, { kind: "folded", lanes, inputs, ...fifo, ...entries });
  }
  return layers;
}
