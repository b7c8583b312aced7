import { FixynnError } from "../../core/index.js";
import {
  type ActivationGrid,
  biasStep,
  type FakeQuantization,
  type GraphNode,
  int,
  type OnnxBuilder,
  type WeightGrid,
} from "../../graph/index.js";
import { tensor } from "../../tensor/index.js";
import type { Emitted } from "./emit.js";

/** A value rounded to a grid, and how gradients go back through the rounding. */
export type FakeQuantized = {
  readonly value: string;
  /** The gradient with respect to the value before: unchanged where nothing was clipped, else 0. */
  passes(gradient: string): string;
};

/**
 * Round a value to multiples of a scale, clipped, in the forward pass; the backward pass takes the rounding for the identity
 * (straight-through estimator, Bengio 2013) and the clipping for what it is (Jacob 2018, section 3.1).
 *
 * @param scale name of a constant that broadcasts
 * @param bounds of value / scale, integers; without them nothing is clipped
 */
function roundToScale(
  onnx: OnnxBuilder,
  value: string,
  scale: string,
  bounds: { readonly low: number; readonly high: number } | undefined,
): FakeQuantized {
  const ratio = onnx.op("Div", [value, scale]);
  const clipped = bounds
    ? onnx.op("Clip", [ratio, onnx.scalar(bounds.low), onnx.scalar(bounds.high)])
    : ratio;
  const integer = onnx.op("Floor", [onnx.op("Add", [clipped, onnx.scalar(0.5)])]);
  return {
    value: onnx.op("Mul", [integer, scale]),
    passes: (gradient) =>
      bounds
        ? onnx.op("Mul", [gradient, onnx.op("Cast", [onnx.op("Equal", [ratio, clipped])], { to: int(1) })])
        : gradient,
  };
}

/** Round the weights or the bias of a layer; both come in the layout of the graph's tensors. */
export function fakeQuantizeParameter(
  onnx: OnnxBuilder,
  node: GraphNode,
  role: "weights" | "bias",
  { value, grid }: { readonly value: string; readonly grid: WeightGrid },
): FakeQuantized {
  const { scales } = grid;
  const channels = node.shape.at(-1)!;
  if (scales.length !== channels) {
    throw new FixynnError("FX3011", `${scales.length} weight scales for ${channels} channels`, {
      place: `layer ${node.name}`,
      hint: "take the scales from an integer network of this very network",
    });
  }
  const key = `${node.name}/${role}/scales`;
  if (role === "bias") {
    const steps = Float32Array.from(scales, (_, c) => biasStep(grid, c));
    const constant = onnx.constant(key, tensor("float32", [channels], steps));
    return roundToScale(onnx, value, constant, undefined);
  }
  // A depthwise layer's output channels are its last two axes.
  const shape = node.kind === "depthwiseConv2d" ? node.weights.shape.slice(2) : [channels];
  const constant = onnx.constant(key, tensor("float32", shape, Float32Array.from(scales)));
  return roundToScale(onnx, value, constant, grid);
}

/** Round a value of a program to an activation's grid. */
export function fakeQuantizeValue(onnx: OnnxBuilder, value: string, grid: ActivationGrid): FakeQuantized {
  const bounds = { low: grid.low - grid.zeroPoint, high: grid.high - grid.zeroPoint };
  return roundToScale(onnx, value, onnx.scalar(grid.scale), bounds);
}

/** Round what a handler has emitted. */
export function fakeQuantizeOutput(onnx: OnnxBuilder, emitted: Emitted, grid: ActivationGrid): Emitted {
  const { value, passes } = fakeQuantizeValue(onnx, emitted.output, grid);
  return {
    output: value,
    backward: (gradient, needed) => emitted.backward(passes(gradient), needed),
  };
}

/**
 * Check that a network can be trained under fake quantization.
 *
 * @throws FixynnError FX3011 when a batch norm is left
 */
export function checkFakeQuantization(active: readonly GraphNode[], fake: FakeQuantization): void {
  const norm = active.find((node) => node.kind === "batchNorm");
  if (norm !== undefined && fake.weights.size > 0) {
    throw new FixynnError("FX3011", "quantization-aware training needs batch norms folded", {
      place: `layer ${norm.name}`,
      hint: "simplify the network first; prepareFineTuning does",
    });
  }
}
