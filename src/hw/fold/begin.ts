import { formatShape } from "../../tensor/index.js";
import { literal, ModuleBuilder } from "../builder.js";
import type { LayerStats } from "../layer.js";
import type { Module, Signal } from "../netlist.js";
import type { LayerRegisters } from "../registers.js";
import { type CoreParts, type CoreSignals, requantizersOf } from "./core.js";
import type { LayerTiming } from "./layer-model.js";
import type { FoldedJob } from "./parts.js";
import { addPixelFifo } from "./pixel-fifo.js";

/** A folded layer's modules, the layer's own last. */
export type FoldedLayer = {
  readonly modules: readonly Module[];
  readonly stats: LayerStats;
  readonly timing: LayerTiming;
  readonly registers?: LayerRegisters;
};

/** The registers of a folded layer, if it has any. */
export function registersOf({ scales }: CoreParts): Pick<FoldedLayer, "registers"> {
  return scales.kind === "registers" ? { registers: scales.registers } : {};
}

/** Begin a folded layer's module: its text, ports and the signals that all forms have. */
export function beginLayer(
  { name, node, input, plan, folding }: FoldedJob,
  { steps: { groups, slices, steps } }: CoreParts,
  about: readonly string[],
): {
  readonly b: ModuleBuilder;
  readonly pixel: Signal;
  readonly valid: Signal;
  readonly signals: CoreSignals;
  /** Connect what tells that the layer takes the pixel. */
  readonly connectReady: (ready: Signal) => void;
} {
  const { kernel, stride, padding } = plan;
  const b = new ModuleBuilder(name, [
    `Layer "${node.name}": ${node.kind} ${kernel.height}x${kernel.width}, stride ${stride.height}x${stride.width}, padding top ` +
      `${padding.top} bottom ${padding.bottom} left ${padding.left} right ${padding.right}; folded.`,
    `Input ${formatShape(input.shape)} of ${input.signed ? "signed" : "unsigned"} ${input.bits} bits, output ` +
      `${formatShape(node.output.shape)} of ${node.output.signed ? "signed" : "unsigned"} ${node.output.bits} bits.`,
    `${folding.lanes} lane(s) of ${folding.inputs} multiplier(s); a window takes ${groups} group(s) of channels x ${slices} slice(s) of ` +
      `taps = ${steps} cycles.`,
    ...(folding.fifo === undefined
      ? []
      : [`A memory of ${folding.fifo} pixels evens out bursts at the input.`]),
    ...about,
    "One beat is one pixel, channel 0 lowest; raster order, frames back to back.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const pixel = b.input("s_axis_tdata", input.shape.at(-1)! * input.bits);
  const valid = b.input("s_axis_tvalid", 1);
  const outReady = b.input("m_axis_tready", 1);
  const skidValid = b.net("skid_valid", 1, "the second result entry is full");
  const advance = b.not("advance", b.signal(skidValid));
  const primed = b.register("primed", literal(1, 1), {
    resetN,
    role: "control",
    doc: "the ROMs show their first words",
  });
  const signals = { skidValid, advance, primed, resetN, outReady };
  const { fifo = 0 } = folding;
  if (fifo === 0) {
    const connectReady = (ready: Signal): void => b.output("s_axis_tready", ready);
    return { b, pixel, valid, signals, connectReady };
  }
  const taken = b.net("pixel_taken", 1);
  const queue = addPixelFifo(b, fifo, { pixel, valid, resetN }, taken);
  const connectReady = (ready: Signal): void => {
    b.add({ kind: "assign", name: "pixel_taken", a: ready, y: taken });
    b.output("s_axis_tready", queue.ready);
  };
  return { b, pixel: queue.pixel, valid: queue.valid, signals, connectReady };
}

/** Cycles from a window's first word of weights to its output beat. */
export function coreLatency({ folding, steps, lane, requantizer }: CoreParts): number {
  const beats = folding.lanes / requantizersOf(folding, steps);
  const results = steps.groups * beats;
  return (
    steps.steps +
    lane.latencyCycles +
    1 +
    (beats > 1 ? beats : 0) +
    requantizer.latencyCycles +
    (results > 1 ? 2 : 1)
  );
}

/** Describe a folded layer's control for {@link simulateSchedule}. */
export function foldedTiming(
  { plan, folding }: FoldedJob,
  { steps, lane, requantizer }: CoreParts,
  kind: "held" | "serial",
): LayerTiming {
  const beats = folding.lanes / requantizersOf(folding, steps);
  const latencyCycles = lane.latencyCycles + 1 + (beats > 1 ? 1 : 0) + requantizer.latencyCycles;
  const { groups, slices } = steps;
  const { fifo = 0, entries = 2 } = folding;
  return { kind, plan, fifos: [fifo], groups, slices, beats, latencyCycles, entries };
}
