import { concat, literal, sliceOf } from "../builder.js";
import { addController, addWindow } from "../controller.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import type { Signal } from "../netlist.js";
import { beginLayer, coreLatency, type FoldedLayer, foldedTiming, registersOf } from "./begin.js";
import { addCore, addWalk } from "./core.js";
import { foldedCyclesPerFrame } from "./cycles.js";
import { type FoldedJob, foldedParts } from "./parts.js";
import { selectOption } from "./sequencer.js";
import { foldedStats } from "./stats.js";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Taps that an output channel reads, as places in the window's word: tap · channels + channel. */
function tapPlaces(node: WeightedNode, channels: number): readonly (readonly number[])[] {
  return weightRows(node).map(({ weights, channels: [first, count] }) =>
    weights.map((_, k) => Math.floor(k / count) * channels + first + (k % count)),
  );
}

/**
 * Compile a weighted layer to a folded pipeline: operands are held while a counter walks through the weight ROM; lanes of multipliers sum
 * a slice of the taps of some output channels in each cycle; results are requantized and collected to a pixel. Ports and bytes are
 * those of the parallel form.
 */
export function compileHeldWindow(job: FoldedJob): FoldedLayer {
  const { node, input, plan, folding } = job;
  const parts = foldedParts(job);
  const { b, pixel, valid, signals, connectReady } = beginLayer(job, parts, []);
  const { resetN } = signals;
  const { groups, slices, steps } = parts.steps;
  const channels = input.shape.at(-1)!;
  const held = b.net("held", 1, "the operands are at work");
  const walk = addWalk(b, parts, b.signal(held), signals);
  const free = b.logic("or", "operands_free", [b.not("idle", b.signal(held)), walk.finish]);
  const control = addController(b, plan, {
    advance: (complete) =>
      complete[0]?.kind === "constant"
        ? free
        : b.logic("or", "may_step", [free, b.not("incomplete", complete)]),
    valid,
    resetN,
  });
  const window = addWindow(b, plan, control, pixel, {
    channels,
    bits: input.bits,
    padValue: input.zeroPoint,
  });
  const operands = b.register("operands", concat(window), {
    enable: control.fire,
    role: "datapath",
    doc: "the window at work",
  });
  const stay = b.logic("and", "stay", [b.signal(held), b.not("unfinished", walk.finish)]);
  b.registerInto(held, "held", b.logic("or", "held_next", [control.fire, stay]), { resetN, role: "control" });

  const places = tapPlaces(node, channels);
  const optionOf = (lane: number, group: number, slice: number): Signal =>
    concat(
      range(folding.inputs).map((p) => {
        const place = places[group * folding.lanes + lane]?.[slice * folding.inputs + p];
        return place === undefined
          ? literal(0, input.bits)
          : sliceOf(operands, place * input.bits, input.bits);
      }),
    );
  // A depthwise output reads one channel, so the choice goes by group too.
  const depthwise = node.kind === "depthwiseConv2d";
  const x = range(depthwise ? folding.lanes : 1).map((l) =>
    selectOption(
      b,
      `x${l}`,
      depthwise ? walk.index : walk.slice,
      range(depthwise ? groups : 1).flatMap((group) => range(slices).map((s) => optionOf(l, group, s))),
    ),
  );
  const out = addCore(
    b,
    parts,
    walk,
    signals,
    range(folding.lanes).map((l) => x[depthwise ? l : 0]!),
  );
  connectReady(control.ready);
  b.output("m_axis_tdata", out.data);
  b.output("m_axis_tvalid", out.valid);
  const top = b.build();
  const stats = foldedStats(job, parts, top, {
    latencyCycles: coreLatency(parts),
    cyclesPerFrame: foldedCyclesPerFrame(plan, steps),
    window: { reads: plan.steps, writes: plan.steps },
  });
  return {
    modules: [parts.lane.module, parts.requantizer.module, top],
    stats,
    ...registersOf(parts),
    timing: foldedTiming(job, parts, "held"),
  };
}
