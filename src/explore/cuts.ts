import { FixynnError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import type { FrontLayer } from "../hw/index.js";

/** Where a front can end: its last layer, and the layers that it consists of, as places in the whole. */
export type Cut = { readonly layer: NodeName; readonly places: readonly number[] };

/**
 * List the layers behind which the network can be cut: whatever comes later depends on what comes earlier only through that layer's output.
 *
 * @param wanted names; absent: all
 * @throws FixynnError FX7093 for a name that is no such layer, with those that are
 */
export function cutsOf(graph: readonly FrontLayer[], wanted?: readonly string[]): readonly Cut[] {
  const cuts: Cut[] = [];
  for (const [i, { node }] of graph.entries()) {
    const later = graph.slice(i + 1);
    if (later.some(({ sources }) => sources.some((source) => source < i))) continue;
    const needed = new Set([i]);
    for (let k = i; k >= 0; k--)
      if (needed.has(k)) for (const source of graph[k]!.sources) needed.add(source);
    needed.delete(-1);
    cuts.push({ layer: node.name, places: [...needed].sort((a, b) => a - b) });
  }
  if (wanted === undefined) return cuts;
  const unknown = wanted.filter((name) => !cuts.some(({ layer }) => layer === name));
  if (unknown.length > 0) {
    throw new FixynnError("FX7093", `cannot freeze up to ${unknown.map((name) => `"${name}"`).join(", ")}`, {
      place: "freeze points",
      hint: `possible: ${cuts.map(({ layer }) => layer).join(", ")}`,
    });
  }
  return cuts.filter(({ layer }) => wanted.includes(layer));
}
