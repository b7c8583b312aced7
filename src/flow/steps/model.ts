import { resolve } from "node:path";
import { FixynnError } from "../../core/index.js";
import { freezePoints, type Graph, type NodeName } from "../../graph/index.js";
import { importModel } from "../../importers/index.js";
import { DEFAULT_MODEL } from "../config.js";
import type { FlowContext } from "../context.js";

/**
 * Import the backbone and check that it can be cut where the configuration says.
 *
 * @throws FixynnError of the importers; FX8005 for freeze points that do not exist, with those that do
 */
export async function loadBackbone(context: FlowContext): Promise<Graph> {
  const { model, freezePoints: wanted } = context.config;
  const isDefault = model.path === "default";
  const path = isDefault ? DEFAULT_MODEL : resolve(context.baseFolder, model.path);
  const graph = await importModel(path, {
    ...(model.encoding !== undefined && { encoding: model.encoding }),
    ...(model.inputSide !== undefined && { inputSide: model.inputSide }),
  });
  const [height = 0, width = 0, channels] = graph.nodes[0]!.shape;
  if (height !== width || channels !== 3) {
    throw new FixynnError("FX8006", `the network reads ${graph.nodes[0]!.shape.join("x")}`, {
      place: path,
      hint: "square RGB images are supported",
    });
  }
  const possible = new Set<string>(freezePoints(graph).map(({ layer }) => layer));
  const unknown = wanted.filter((layer) => !possible.has(layer));
  if (unknown.length > 0) {
    throw new FixynnError("FX8005", `cannot freeze up to ${unknown.map((name) => `"${name}"`).join(", ")}`, {
      place: "freezePoints",
      hint: `possible: ${[...possible].join(", ")}`,
    });
  }
  return graph;
}

/** Sort freeze points as the network has them, shallow to deep; duplicates go. */
export function orderedFreezePoints(graph: Graph, wanted: readonly string[]): readonly NodeName[] {
  return freezePoints(graph)
    .map(({ layer }) => layer)
    .filter((layer) => wanted.includes(layer));
}
