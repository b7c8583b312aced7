import { readFileSync } from "node:fs";
import { writeFileAtomic } from "../../core/index.js";
import { type Graph, graphFromJson, graphToJson, type NodeName, splitGraph } from "../../graph/index.js";
import {
  type CalibrationImages,
  type QuantNetwork,
  quantize,
  quantNetworkFromJson,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../../quant/index.js";
import { withBatchNorm } from "../../transfer/index.js";
import type { FlowContext } from "../context.js";
import { type LoadedDataset, sharedBytes } from "./data.js";
import type { Backbone } from "./model.js";

/** What goes into silicon, and the float network that tails are cut from. */
export type PreparedBackbone = {
  /** The float network with batch norms to train. */
  readonly graph: Graph;
  /** Integer front up to the deepest freeze point, which all designs and all tasks share. */
  readonly front: QuantNetwork;
};

/** Training images of all datasets in equal shares, as bytes of the network's input. */
export function calibrationBytes(
  datasets: readonly LoadedDataset[],
  side: number,
  images: number,
): CalibrationImages {
  const { bytes: pixels, count } = sharedBytes(datasets, "train", { side, images });
  return { pixels, count };
}

/**
 * Make the integer front: quantize the float backbone up to the deepest freeze point, calibrated on training images of all datasets, or
 * take that of a quantized network as it is. Every freeze point is a part of this one front.
 */
export async function prepareBackbone(
  context: FlowContext,
  backbone: Backbone,
  datasets: readonly LoadedDataset[],
  points: readonly NodeName[],
): Promise<PreparedBackbone> {
  const { config, run, onProgress } = context;
  const deepest = points.at(-1)!;
  const side = backbone.graph.nodes[0]!.shape[0]!;
  const { mode, calibrationImages } = config.quantization;
  const files = { graph: "models/backbone.json", front: "integer/front.json" };
  const dependsOn = {
    graph: graphToJson(backbone.graph),
    integer: backbone.integer === undefined ? null : quantNetworkToJson(backbone.integer),
    data: datasets.map(({ key }) => key),
    ...{ deepest, mode, calibrationImages },
  };
  await run.step(
    "front",
    dependsOn,
    async () => {
      const calibration = calibrationBytes(datasets, side, calibrationImages);
      const front =
        backbone.integer === undefined
          ? await quantize(splitGraph(backbone.graph, deepest).front, { calibration, mode, onProgress })
          : truncateQuantNetwork(backbone.integer, deepest);
      const graph =
        backbone.integer === undefined
          ? backbone.graph
          : await withBatchNorm(backbone.graph, calibration.pixels, calibration.count);
      writeFileAtomic(run.path(files.graph), JSON.stringify(graphToJson(graph)));
      writeFileAtomic(run.path(files.front), JSON.stringify(quantNetworkToJson(front)));
      return {};
    },
    Object.values(files),
  );
  const read = (path: string): unknown => JSON.parse(readFileSync(run.path(path), "utf8"));
  return {
    graph: graphFromJson(read(files.graph), files.graph),
    front: quantNetworkFromJson(read(files.front), files.front),
  };
}
