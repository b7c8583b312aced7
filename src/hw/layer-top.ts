import { invariant } from "../core/index.js";
import type { QuantType } from "../quant/index.js";
import { formatShape } from "../tensor/index.js";
import { concat, ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { addController, addOutputBuffer, addWindow, type Control } from "./controller.js";
import { copiesOf } from "./copies.js";
import { addCounts, NO_CELLS } from "./datapath-plan.js";
import { addPixelFifo } from "./fold/pixel-fifo.js";
import type { LayerHardware, LayerStats } from "./layer.js";
import { type LayerDatapath, otherCellsOf } from "./layer-datapath.js";
import { memoriesOf, storedBits } from "./layer-memories.js";
import { type InstanceCell, type Module, type Signal, signalWidth } from "./netlist.js";
import { registerBanks } from "./register-banks.js";
import { addConfigurationPort, LAYER_PORT, wordBits } from "./registers.js";
import { connectEnables } from "./stage-enables.js";
import { type ComputedNode, inputPort, streamOf } from "./streams.js";
import type { WindowPlan } from "./window-plan.js";

/** Words that the operand register takes when a window is complete. */
export type Operands = {
  /** One signal a tap, each with all channels. */
  readonly taps: readonly Signal[];
  /** Bits of a channel's word. */
  readonly bits: number;
  /** Where the datapath gives several variants of the pixel: for each but the first, whether it counts. */
  readonly selects?: readonly Signal[];
};

/** What {@link parallelLayer} makes a layer of. */
export type ParallelJob = {
  readonly name: string;
  readonly node: ComputedNode;
  readonly inputs: readonly QuantType[];
  readonly plan: WindowPlan;
  readonly datapath: LayerDatapath;
  /** Pixels that a memory in front of each input holds; 0 for none. */
  readonly fifos: readonly number[];
  /** What the layer does, for the module's first line. */
  readonly about: string;
  readonly operandsOf: (
    b: ModuleBuilder,
    parts: { readonly control: Control; readonly pixels: readonly Signal[]; readonly resetN: Signal },
  ) => Operands;
  readonly macs: number;
};

const describe = ({ shape, signed, bits }: QuantType): string =>
  `${formatShape(shape)} of ${signed ? "signed" : "unsigned"} ${bits} bits`;

/** Build a layer that takes a window a cycle: inputs (through memories), window, operand register, datapath, output buffer. */
export function parallelLayer(job: ParallelJob): Omit<LayerHardware, "kind" | "name" | "node" | "inputs"> {
  const { plan, datapath, fifos } = job;
  const top = buildTop(job);
  const modules = [...datapath.parts.flatMap((part) => [...part.inner, part.module]), top];
  const timing = { kind: "parallel", plan, fifos, latencyCycles: datapath.latencyCycles } as const;
  const { registers } = datapath;
  const stats = statsOf(job, modules, top);
  return { modules, timing, stats, ...(registers === undefined ? {} : { registers }) };
}

/** As {@link parallelLayer}, for a layer that reads windows of one stream. */
export function windowLayer(
  job: Omit<ParallelJob, "fifos" | "about" | "operandsOf"> & {
    /** The integer that padding shows. */
    readonly padValue: number;
  },
): ReturnType<typeof parallelLayer> {
  const { node, plan, padValue } = job;
  const { channels, bits } = streamOf(job.inputs[0]!);
  const { kernel, stride, padding } = plan;
  return parallelLayer({
    ...job,
    fifos: [0],
    about:
      `${node.kind} ${kernel.height}x${kernel.width}, stride ${stride.height}x${stride.width}, padding top ` +
      `${padding.top} bottom ${padding.bottom} left ${padding.left} right ${padding.right}`,
    operandsOf: (b, { control, pixels }) => ({
      taps: addWindow(b, plan, control, pixels[0]!, { channels, bits, padValue }),
      bits,
    }),
  });
}

function buildTop(job: ParallelJob): Module {
  const { node, inputs, plan, datapath, fifos } = job;
  const b = new ModuleBuilder(job.name, [
    `Layer "${node.name}": ${job.about}.`,
    `Input ${inputs.map(describe).join(" and ")}, output ${describe(node.output)}.`,
    `One beat is one pixel, channel 0 lowest; raster order, frames back to back. ${plan.steps} cycles a frame.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const streams = inputs.map((type, i) => {
    const port = inputPort(i, inputs.length);
    const { channels, bits } = streamOf(type);
    const pixel = b.input(`${port}_tdata`, channels * bits);
    return { port, pixel, valid: b.input(`${port}_tvalid`, 1) };
  });
  const outReady = b.input("m_axis_tready", 1);
  const { registers } = datapath;
  const configuration =
    registers === undefined
      ? []
      : Object.entries(
          addConfigurationPort(b, LAYER_PORT, { ...registers, dataBits: wordBits(registers) }),
        ).map(([pin, signal]) => ({ port: `${LAYER_PORT}_${pin}`, signal }));
  const skidValid = b.net("skid_valid", 1, "the second output entry is full");
  const advance = b.not("advance", b.signal(skidValid));
  const shown = streams.map(({ port, pixel, valid }, i) => {
    const depth = fifos[i]!;
    if (depth === 0) return { port, pixel, valid, queue: undefined };
    const taken = b.net(`${port}_taken`, 1);
    const name = inputs.length === 1 ? "fifo" : `fifo${i}`;
    const queue = addPixelFifo(b, depth, { pixel, valid, resetN, name }, taken);
    return { port, pixel: queue.pixel, valid: queue.valid, queue: { ready: queue.ready, taken } };
  });
  const valid = b.logic(
    "and",
    "all_valid",
    shown.map((one) => one.valid),
  );
  const control = addController(b, plan, { advance, valid, resetN });
  const readies = shown.map(({ port, queue }, i) => {
    // A join takes one pixel when the other is there too.
    const others = shown.flatMap((other, k) => (k === i ? [] : [other.valid]));
    const ready =
      others.length === 0 ? control.ready : b.logic("and", `${port}_paired`, [control.ready, ...others]);
    if (queue !== undefined)
      b.add({
        kind: "assign",
        name: `${port}_taken`,
        a: b.logic("and", `${port}_used`, [control.ready, valid]),
        y: queue.taken,
      });
    return { name: `${port}_tready`, ready: queue === undefined ? ready : queue.ready };
  });
  const pixels = shown.map(({ pixel }) => pixel);
  const { taps, bits, selects = [] } = job.operandsOf(b, { control, pixels, resetN });
  const operands = b.register("operands", concat(taps), {
    enable: control.fire,
    role: "datapath",
    doc: "loads complete windows only, so that nothing else moves the adders",
  });
  const stages = b.net("stage_valid", datapath.latencyCycles + 1, "which pipeline stages hold a pixel");
  const older = b.signal(stages);
  const shifted = concat([control.fire, sliceOf(older, 0, datapath.latencyCycles)]);
  b.registerInto(stages, "stage_valid", shifted, { enable: advance, resetN, role: "control" });
  // A stage's registers are clocked only when a pixel moves on through them.
  const moves =
    datapath.latencyCycles === 0
      ? []
      : b.logic("and", "moves", [
          repeat(advance, datapath.latencyCycles),
          sliceOf(older, 0, datapath.latencyCycles),
        ]);
  const channels = signalWidth(taps[0]!) / bits;
  const results = datapath.parts.map(({ module, inputChannels, outputChannels }) => {
    const [first, count] = inputChannels;
    const x = concat(taps.map((_, t) => sliceOf(operands, (t * channels + first) * bits, count * bits)));
    const y = b.net(`y${outputChannels[0]}`, outputChannels[1] * node.output.bits);
    const signals: InstanceCell["inputs"] = [{ port: "x", signal: x }];
    const registered =
      module.clock === null
        ? signals
        : [...connectEnables(module, (stage) => sliceOf(moves, stage, 1)), ...signals, ...configuration];
    const outputs = [{ port: "y", net: y }];
    b.add({ kind: "instance", name: `u_${module.name}`, module: module.name, inputs: registered, outputs });
    return b.signal(y);
  });
  const variants = concat(results);
  const width = streamOf(node.output).channels * node.output.bits;
  invariant(signalWidth(variants) === (selects.length + 1) * width, "datapath parts cover the output");
  let value = sliceOf(variants, 0, width);
  for (const [i, select] of selects.entries()) {
    let late = b.register(`variant${i + 1}`, select, { enable: control.fire, role: "control" });
    for (let cycle = 1; cycle <= datapath.latencyCycles; cycle++)
      late = b.register(`variant${i + 1}_${cycle}`, late, { enable: advance, role: "control" });
    value = b.mux(`y_variant${i + 1}`, late, sliceOf(variants, (i + 1) * width, width), value);
  }
  const out = addOutputBuffer(b, skidValid, {
    value,
    valid: sliceOf(older, datapath.latencyCycles, 1),
    ready: outReady,
    advance,
    resetN,
  });
  for (const { name, ready } of readies) b.output(name, ready);
  b.output("m_axis_tdata", out.data);
  b.output("m_axis_tvalid", out.valid);
  return b.build();
}

function statsOf(job: ParallelJob, modules: readonly Module[], top: Module): LayerStats {
  const { node, inputs, plan, datapath } = job;
  const bits = { datapath: 0, window: 0, control: 0, buffer: 0, configuration: 0 };
  const copies = copiesOf(modules);
  for (const { name, cells } of modules) {
    for (const cell of cells) {
      if (cell.kind === "register") bits[cell.role] += copies.get(name)! * signalWidth(cell.d);
    }
  }
  const memories = memoriesOf(modules, (name) => {
    if (name === "line_buffer") return { reads: plan.steps, writes: plan.steps };
    // A pixel that waits is written and read once.
    const i = inputs.length === 1 ? 0 : Number(name.slice(-1));
    const beats = /^fifo\d?$/.test(name) ? streamOf(inputs[i]!).beats : undefined;
    return beats === undefined ? undefined : { reads: beats, writes: beats };
  });
  const { configuration, ...others } = bits;
  const registerBits = configuration > 0 ? bits : others;
  return {
    kind: node.kind,
    inputShape: inputs[0]!.shape,
    outputShape: node.output.shape,
    macs: job.macs,
    weights: datapath.weights,
    zeroWeights: datapath.zeroWeights,
    csdDigits: datapath.csdDigits,
    additions: datapath.additions,
    datapath: datapath.parts.reduce((sum, part) => addCounts(sum, part.counts), NO_CELLS),
    requantization: datapath.parts.reduce((sum, part) => addCounts(sum, part.requantizationCounts), NO_CELLS),
    clampCells: otherCellsOf(datapath),
    controlCells: countCells(top.cells),
    registerBits,
    memories,
    sramBits: storedBits(memories, "ram"),
    romBits: storedBits(memories, "rom"),
    latencyCycles: datapath.latencyCycles + 2,
    cyclesPerFrame: plan.steps,
    activeCyclesPerFrame: plan.output.height * plan.output.width,
    longestAdderPath: datapath.longestPath,
    parallelism: { kind: "parallel" },
    selectionCells: NO_CELL_COUNTS,
    registerBanks: registerBanks(modules),
  };
}
