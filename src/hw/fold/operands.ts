import { concat, literal, type ModuleBuilder, sliceOf } from "../builder.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import type { Signal } from "../netlist.js";
import type { CoreParts, Walk } from "./core.js";
import type { FoldedJob } from "./parts.js";
import { selectOption } from "./sequencer.js";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Taps that an output channel reads, as places in the window's word: tap · channels + channel. */
function tapPlaces(node: WeightedNode, channels: number): readonly (readonly number[])[] {
  return weightRows(node).map(({ weights, channels: [first, count] }) =>
    weights.map((_, k) => Math.floor(k / count) * channels + first + (k % count)),
  );
}

/** Places in the window's word of a lane's operands at one word of weights; `undefined` beyond the last tap. */
type Slice = readonly (number | undefined)[];

/** Slices in the order in which a lane's operands go through them; with `again`, the first follows the last. */
type Round = { readonly slices: readonly Slice[]; readonly again: boolean };

/** Rounds of the lanes: one for all of them, or, depthwise, where an output reads one channel, one for each, over all groups. */
function lanesRounds({ node, input, folding }: FoldedJob, { groups, slices }: CoreParts["steps"]): Round[] {
  const places = tapPlaces(node, input.shape.at(-1)!);
  const slice = (lane: number, group: number, s: number): Slice =>
    range(folding.inputs).map((p) => places[group * folding.lanes + lane]?.[s * folding.inputs + p]);
  if (node.kind !== "depthwiseConv2d")
    return [{ slices: range(slices).map((s) => slice(0, 0, s)), again: groups > 1 }];
  return range(folding.lanes).map((l) => ({
    slices: range(groups).flatMap((group) => range(slices).map((s) => slice(l, group, s))),
    again: false,
  }));
}

/**
 * Hold the window at work and show the lanes slice after slice of it. The slice at work has a register of its own and is chosen in the cycle
 * before: the multipliers never see how the choice comes about. Of the window itself only what is chosen later is kept.
 *
 * @param window all taps, in the cycle in which `fire` takes them over
 * @returns each lane's operands, in the cycle in which its weights are at work
 */
export function addOperands(
  b: ModuleBuilder,
  job: FoldedJob,
  { steps }: CoreParts,
  { walk, window, fire }: { readonly walk: Walk; readonly window: Signal; readonly fire: Signal },
): readonly Signal[] {
  const { input, folding, node } = job;
  const { bits } = input;
  const rounds = lanesRounds(job, steps);
  const later = new Set(
    rounds.flatMap(({ slices, again }) => slices.slice(again && slices.length > 1 ? 0 : 1).flat()),
  );
  later.delete(undefined);
  const kept = [...later].sort((a, c) => a! - c!);
  const pick = (place: number): Signal => sliceOf(window, place * bits, bits);
  const held =
    kept.length === 0
      ? []
      : b.register("operands", concat(kept.map((place) => pick(place!))), {
          enable: fire,
          role: "datapath",
          doc: "the window at work",
        });
  const at = new Map(kept.map((place, i) => [place, i]));
  const word = (slice: Slice, from: (place: number) => Signal): Signal =>
    concat(slice.map((place) => (place === undefined ? literal(0, bits) : from(place))));
  const index = node.kind === "depthwiseConv2d" ? walk.index : walk.slice;
  const several = rounds[0]!.slices.length > 1;
  const move = several
    ? b.logic("or", "operands_move", [
        fire,
        b.logic("and", "operands_next", [walk.work, b.not("more", walk.finish)]),
      ])
    : fire;
  const shown = rounds.map(({ slices, again }, l) => {
    const first = word(slices[0]!, pick);
    const options = { enable: move, role: "datapath", doc: "operands at work" } as const;
    if (!several) return b.register(`x${l}`, first, options);
    const next = [...slices.slice(1), ...(again ? slices.slice(0, 1) : [])].map((slice) =>
      word(slice, (place) => sliceOf(held, at.get(place)! * bits, bits)),
    );
    const d = b.mux(`x${l}_d`, fire, first, selectOption(b, `x${l}`, index, next));
    return b.register(`x${l}`, d, options);
  });
  return range(folding.lanes).map((l) => shown[l] ?? shown[0]!);
}
