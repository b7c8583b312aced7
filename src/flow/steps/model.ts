import { resolve } from "node:path";
import { createRng, FixynnError } from "../../core/index.js";
import { freezePoints, type Graph, type NodeName } from "../../graph/index.js";
import { importAnyModel } from "../../importers/index.js";
import { type QuantNetwork, resizeQuantNetwork, truncateQuantNetwork } from "../../quant/index.js";
import { heNormal } from "../../train/index.js";
import { floatNetwork, withClassifier } from "../../transfer/index.js";
import { DEFAULT_MODEL } from "../config.js";
import type { FlowContext } from "../context.js";

/** A pretrained network, float or quantized. */
export type Backbone = {
  /** The float network; of a quantized one what its integers stand for, up to its features, with a new classifier. */
  readonly graph: Graph;
  /** The integer features of a quantized network, which are frozen byte for byte. */
  readonly integer: QuantNetwork | undefined;
};

/** The last layer of a network whose values are still an image of more than one pixel: its features. */
function featuresOf(network: QuantNetwork, place: string): QuantNetwork {
  const image = network.nodes.findLast(
    ({ kind, output: { shape } }) =>
      (kind === "conv2d" || kind === "depthwiseConv2d" || kind === "add") &&
      shape.length === 3 &&
      shape[0]! > 1,
  );
  if (image === undefined) {
    throw new FixynnError("FX8009", "the quantized network has no image features to build on", {
      place,
      hint: "give a convolutional classifier",
    });
  }
  return truncateQuantNetwork(network, image.name);
}

/**
 * Import the backbone and check that it can be cut where the configuration says.
 *
 * @throws FixynnError of the importers; FX8005 for freeze points that do not exist, with those that do; FX8006 for other than square RGB
 *   inputs, FX8009 for a quantized network without features
 */
export async function loadBackbone(context: FlowContext): Promise<Backbone> {
  const { model, freezePoints: wanted } = context.config;
  const isDefault = model.path === "default";
  const path = isDefault ? DEFAULT_MODEL : resolve(context.baseFolder, model.path);
  const imported = await importAnyModel(path, {
    ...(model.encoding !== undefined && { encoding: model.encoding }),
    ...(model.inputSide !== undefined && { inputSide: model.inputSide }),
  });
  const backbone =
    imported.kind === "graph"
      ? { graph: imported, integer: undefined }
      : integerBackbone(imported, path, model.inputSide);
  const { graph } = backbone;
  const [height = 0, width = 0, channels] = graph.nodes[0]!.shape;
  if (height !== width || channels !== 3) {
    throw new FixynnError("FX8006", `the network reads ${graph.nodes[0]!.shape.join("x")}`, {
      place: path,
      hint: "square RGB images are supported",
    });
  }
  const possible = new Set<string>(
    freezePoints(graph).flatMap(({ layer, shape }) => (shape.length === 3 ? [layer] : [])),
  );
  const unknown = wanted.filter((layer) => !possible.has(layer));
  if (unknown.length > 0) {
    throw new FixynnError("FX8005", `cannot freeze up to ${unknown.map((name) => `"${name}"`).join(", ")}`, {
      place: "freezePoints",
      hint: `possible: ${[...possible].join(", ")}`,
    });
  }
  const astray = context.config.hardwarePoints.filter((layer) => !wanted.includes(layer));
  if (astray.length > 0) {
    throw new FixynnError("FX8005", `no freeze points: ${astray.map((name) => `"${name}"`).join(", ")}`, {
      place: "hardwarePoints",
      hint: `name some of freezePoints: ${wanted.join(", ")}`,
    });
  }
  return backbone;
}

function integerBackbone(network: QuantNetwork, path: string, side: number | undefined): Backbone {
  const features = featuresOf(network, path);
  const own = features.nodes[0]!.output.shape[0];
  const integer = side === undefined || side === own ? features : resizeQuantNetwork(features, side);
  const graph = floatNetwork(integer);
  const channels = graph.nodes.find(({ name }) => name === graph.output)!.shape.at(-1)!;
  // Two classes for now: every task replaces the classifier.
  const weights = heNormal(createRng(0), [channels, 2], channels);
  return { graph: withClassifier(graph, { weights }), integer };
}

/** Sort freeze points as the network has them, shallow to deep; duplicates go. */
export function orderedFreezePoints(graph: Graph, wanted: readonly string[]): readonly NodeName[] {
  return freezePoints(graph)
    .map(({ layer }) => layer)
    .filter((layer) => wanted.includes(layer));
}
