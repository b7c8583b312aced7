import { type AdderNodeId, adderSources } from "../arith/index.js";
import { type DatapathPlan, type PlanPart, restrictPlan } from "./datapath-plan.js";

/** A plan in parts of bounded size: inner sums that several parts read, then groups of outputs. */
export type SplitPlan = {
  /** In the order of the data: a part reads inputs and words of earlier parts. */
  readonly shared: readonly PlanPart[];
  readonly groups: readonly PlanPart[];
};

/** Share of a group's size that is left for the inner sums that only it reads. */
const ROOM_FOR_INNER_SUMS = 0.3;

/** Cells of each node of a plan. */
function sizesOf({ netlist }: DatapathPlan): Float64Array {
  return Float64Array.from(netlist.nodeCells, ({ first, end }) => end - first);
}

/** Cells of a whole plan. */
export function planSize(plan: DatapathPlan): number {
  return sizesOf(plan).reduce((sum, size) => sum + size, 0);
}

/**
 * Split a plan so that no part has much more than `most` cells. Outputs are grouped in order; an inner sum that one group
 * alone reads goes there, all others into parts of their own, in topological order, so that no combinational path leaves a part and
 * comes back. Linear in the graph.
 */
export function splitPlan(plan: DatapathPlan, most: number): SplitPlan {
  const { graph, inner } = plan;
  const sizes = sizesOf(plan);
  const groups: { outputs: AdderNodeId[]; size: number }[] = [];
  for (const output of graph.outputs) {
    const { nodes } = restrictPlan(plan, [output], inner);
    const size = [...nodes].reduce((sum, id) => sum + sizes[id]!, 0);
    const last = groups.at(-1);
    if (last === undefined || last.size + size > most * (1 - ROOM_FOR_INNER_SUMS))
      groups.push({ outputs: [output], size });
    else {
      last.outputs.push(output);
      last.size += size;
    }
  }
  const shared = sharedSums(plan, groups, sizes, most);
  const elsewhere = new Set(shared.flat());
  const parts = groups.map(({ outputs }) => restrictPlan(plan, outputs, elsewhere));
  return { shared: sharedParts(plan, shared, parts), groups: parts };
}

/** List the inner sums that no single group can have, in chunks of bounded size. What no output needs is in none. */
function sharedSums(
  plan: DatapathPlan,
  groups: readonly { readonly outputs: readonly AdderNodeId[]; size: number }[],
  sizes: Float64Array,
  most: number,
): readonly (readonly AdderNodeId[])[] {
  const { graph, inner } = plan;
  const NOBODY = -1;
  const SEVERAL = -2;
  const owners = new Int32Array(graph.nodes.length).fill(NOBODY);
  /** Claim the sums that some nodes read, over what is no sum of its own. */
  const claim = (ids: readonly AdderNodeId[], owner: number): void => {
    const { nodes } = restrictPlan(plan, ids, inner);
    for (const id of nodes)
      for (const source of adderSources(graph.nodes[id]!))
        owners[source] = owners[source] === NOBODY || owners[source] === owner ? owner : SEVERAL;
  };
  for (const [g, { outputs }] of groups.entries()) claim(outputs, g);
  const ids = [...inner]
    .sort((a, b) => b - a)
    .filter((id) => {
      const owner = owners[id]!;
      if (owner === NOBODY) return false;
      const group = groups[owner];
      const fits = group !== undefined && group.size + sizes[id]! <= most;
      if (fits) group.size += sizes[id]!;
      claim([id], fits ? owner : SEVERAL);
      return !fits;
    });
  const chunks: AdderNodeId[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const id of ids.reverse()) {
    if (size + sizes[id]! > most) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)!.push(id);
    size += sizes[id]!;
  }
  return chunks;
}

/** Make parts of the chunks: each gives what others read of it. */
function sharedParts(
  plan: DatapathPlan,
  chunks: readonly (readonly AdderNodeId[])[],
  groups: readonly PlanPart[],
): readonly PlanPart[] {
  const elsewhere = new Set(chunks.flat());
  const parts = chunks.map((ids) => restrictPlan(plan, ids, elsewhere));
  const read = new Set([...parts, ...groups].flatMap(({ inputs }) => inputs));
  return parts.map((part) => ({ ...part, outputs: part.outputs.filter((id) => read.has(id)) }));
}
