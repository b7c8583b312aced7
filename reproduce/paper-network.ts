import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadMobileNet } from "../bench/mobilenet.js";
import { FixynnError } from "../src/core/index.js";
import type { AcceleratorLayer, CorrectedPaperLayer } from "../src/cost/index.js";
import {
  acceleratorLayer,
  paperLayer,
  type ShapedLayer,
  shapedLayers,
} from "../src/flow/steps/cost-layers.js";

/** The network of the paper as each model sees it, classifier included. */
export type PaperNetwork = {
  readonly name: string;
  readonly accelerator: readonly AcceleratorLayer[];
  readonly paper: readonly CorrectedPaperLayer[];
  readonly macs: number;
};

/** Taps of one axis that lie within the input, summed over the outputs. */
function tapsInside(input: number, output: number, kernel: number, stride: number, before: number): number {
  let taps = 0;
  for (let o = 0; o < output; o++)
    for (let k = 0; k < kernel; k++) {
      const at = o * stride - before + k;
      if (at >= 0 && at < input) taps++;
    }
  return taps;
}

/** Dense multiply-accumulates of a layer: zero weights included, padding excluded. */
function denseMacs({ node, inputShape }: ShapedLayer): number {
  if (node.kind === "dense") return node.weights.data.length;
  if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d") return 0;
  const [kernelHeight, kernelWidth] = [node.weights.shape[0]!, node.weights.shape[1]!];
  const [height = 1, width = 1] = inputShape;
  const [outHeight = 1, outWidth = 1] = node.output.shape;
  const { top, left } = node.padding;
  const taps =
    tapsInside(height, outHeight, kernelHeight, node.stride.height, top) *
    tapsInside(width, outWidth, kernelWidth, node.stride.width, left);
  return (taps * node.weights.data.length) / (kernelHeight * kernelWidth);
}

/** Load Google's quantized MobileNetV1-0.25 at 224×224 (real weights). */
export function paperNetwork(): PaperNetwork {
  const { network } = loadMobileNet();
  const shaped = shapedLayers(network, new Map()).map((layer) => ({ ...layer, macs: denseMacs(layer) }));
  const weighted = shaped.filter((layer) => layer.macs > 0);
  return {
    name: network.name,
    accelerator: shaped.map(acceleratorLayer),
    // DeepFreeze drops the last layer from its totals; pooling and softmax are none of its layers.
    paper: weighted.map((layer) => ({ ...paperLayer(layer), macs: layer.macs })),
    macs: shaped.reduce((sum, layer) => sum + layer.macs, 0),
  };
}

/**
 * Read from the transfer page how deep the quantized network can be frozen before one of its tasks loses a point.
 *
 * @throws FixynnError FX9011 when the page does not say
 */
export function transferFreezePoint(results: string): { readonly layer: string; readonly rule: string } {
  const path = join(results, "transfer.md");
  const fail = (): never => {
    throw new FixynnError("FX9011", "the transfer page names no freeze point", {
      place: path,
      hint: "make it with: npm run reproduce -- transfer; or give --freeze-point LAYER",
    });
  };
  let page: string;
  try {
    page = readFileSync(path, "utf8");
  } catch {
    return fail();
  }
  const from = page.indexOf("## Google's quantized MobileNetV1-0.25");
  const row = /\|\s*all together\s*\|\s*int8\s*\|\s*(Conv2d_\S+)\s*\|/.exec(page.slice(Math.max(0, from)));
  if (from < 0 || row === null) return fail();
  return {
    layer: row[1]!,
    rule: "deepest freeze point at which no task of transfer.md loses a point (int8, at 128×128)",
  };
}
