import { csdDigitCount } from "../../arith/index.js";
import type { QuantType } from "../../quant/index.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import type { WindowPlan } from "../window-plan.js";
import { requantizersOf } from "./core.js";
import { ringSlots } from "./depthwise.js";
import { type Folding, foldedSteps } from "./parallelism.js";
import { weightFormat } from "./weight-words.js";

/**
 * Areas in full adders. Defaults: sky130_fd_sc_hd, 20.02 µm² a full adder (`technologies/sky130hd.json`): enable flip-flop 30.03, mux 11.26,
 * and 6.26, SRAM 24.3 a bit; ROM 1.25 a bit (src/cost/rom.ts).
 */
export type FullAdderAreas = {
  readonly register: number;
  readonly mux: number;
  readonly and: number;
  readonly sramBit: number;
  readonly romBit: number;
};

export const defaultFullAdderAreas: FullAdderAreas = {
  register: 1.5,
  mux: 0.5625,
  and: 0.3125,
  sramBit: 1.214,
  romBit: 0.0624,
};

/** A layer as the choice of its parallelism sees it. */
export type LayerSketch = {
  readonly node: WeightedNode;
  readonly input: QuantType;
  readonly plan: WindowPlan;
  /** What one output channel reads, and the output channels. */
  readonly taps: number;
  readonly outputs: number;
  readonly weightBits: number;
  readonly accumulatorBits: number;
  readonly digits: number;
  readonly commonScale: boolean;
  /** Programmable normalization: bits of the multiplier, as it is and shifted as a folded layer does it, and of the bias. */
  readonly registers:
    | { readonly multiplierBits: number; readonly shiftedBits: number; readonly biasBits: number }
    | undefined;
};

/** Sketch a weighted layer. */
export function sketchLayer(node: WeightedNode, input: QuantType, plan: WindowPlan): LayerSketch {
  const rows = weightRows(node).map(({ weights }) => weights);
  const largest = Math.max(...rows.map((row) => row.reduce((sum, w) => sum + Math.abs(w), 0)));
  return {
    node,
    input,
    plan,
    taps: rows[0]!.length,
    outputs: rows.length,
    weightBits: weightFormat(rows).bits,
    accumulatorBits: Math.ceil(Math.log2(Math.max(2, largest))) + input.bits + 1,
    digits: rows.reduce((sum, row) => sum + row.reduce((n, w) => n + csdDigitCount(w), 0), 0),
    commonScale: node.requantization.multipliers.length === 1,
    registers: sketchRegisters(node),
  };
}

function sketchRegisters({ requantization }: WeightedNode): LayerSketch["registers"] {
  if (requantization.mode !== "programmable") return undefined;
  const { multiplierBits, biasBits, shifts } = requantization;
  const spread = Math.max(...shifts) - Math.min(...shifts);
  return { multiplierBits, shiftedBits: multiplierBits + spread, biasBits };
}

/** Registers for each full adder of a pipelined tree, as measured on the layers of MobileNet. */
const REGISTERS_PER_ADDER = 0.17;
/** Full adders left of each digit's bits: where many outputs read the same inputs, sub-expressions are shared. */
const LEFT = { shared: 0.6, alone: 0.9 };
/** Bits of the multiplier that requantizes exactly, where channels differ. */
const SCALE_BITS = 24;
/** Counters and handshake. */
const CONTROL = 150;

function scaleArea(
  { accumulatorBits, commonScale, registers }: LayerSketch,
  { register, and }: FullAdderAreas,
): number {
  const rows = registers?.shiftedBits ?? (commonScale ? 6 : SCALE_BITS);
  const adders = accumulatorBits * rows;
  return adders * (1 + (commonScale ? 0 : and) + REGISTERS_PER_ADDER * register);
}

/** Multiplier, registers and held sum of an output with programmable normalization. */
function registerArea(
  { accumulatorBits }: LayerSketch,
  { multiplierBits, biasBits }: NonNullable<LayerSketch["registers"]>,
  { register, and }: FullAdderAreas,
): number {
  const adders = accumulatorBits * multiplierBits;
  const bits = 2 * multiplierBits + biasBits + accumulatorBits;
  return adders * (1 + and + 2 * REGISTERS_PER_ADDER * register) + bits * register;
}

/** Estimate the fully parallel form, line buffer included. */
export function parallelArea(sketch: LayerSketch, units: FullAdderAreas): number {
  const { node, plan, input, outputs, digits, accumulatorBits } = sketch;
  const pixel = input.shape.at(-1)! * input.bits;
  const { height, width } = plan.kernel;
  const left = node.kind === "depthwiseConv2d" ? LEFT.alone : LEFT.shared;
  const adders = digits * input.bits * left;
  const perOutput =
    sketch.registers === undefined
      ? accumulatorBits * 4 * (1 + 2 * REGISTERS_PER_ADDER * units.register)
      : registerArea(sketch, sketch.registers, units);
  const registers = pixel * height * (2 * width - 1) + 2 * outputs * node.output.bits;
  return (
    adders * (1 + 2 * REGISTERS_PER_ADDER * units.register) +
    outputs * perOutput +
    registers * units.register +
    (height - 1) * plan.periodSteps * pixel * units.sramBit
  );
}

/** Estimate a folded form, memories included. */
export function foldedArea(sketch: LayerSketch, folding: Folding, units: FullAdderAreas): number {
  const { plan, input, outputs, taps, weightBits, accumulatorBits, node } = sketch;
  const { lanes, inputs, fifo = 0 } = folding;
  const { register, mux, and, sramBit, romBit } = units;
  const steps = foldedSteps(folding, outputs, taps);
  const { groups, slices } = steps;
  const requantizers = requantizersOf(folding, steps);
  const pixel = input.shape.at(-1)! * input.bits;
  const word = inputs * input.bits;
  const products = inputs * weightBits * input.bits;
  const lane =
    products * (1 + and + (inputs > 1 ? REGISTERS_PER_ADDER * register : 0)) +
    accumulatorBits * (1 + register + (slices > 1 ? mux : 0));
  const queue = requantizers < lanes ? lanes * accumulatorBits * (register + mux) : 0;
  const { registers } = sketch;
  const scaleBits = registers?.multiplierBits ?? (sketch.commonScale ? 0 : SCALE_BITS + 40);
  const rom =
    registers === undefined
      ? outputs * (taps * weightBits + accumulatorBits + scaleBits) * romBit
      : outputs * (taps * weightBits * romBit + (registers.biasBits + scaleBits) * sramBit);
  const read = (lanes * (inputs * weightBits + accumulatorBits) + requantizers * scaleBits) * register;
  const output = (outputs + 2 * requantizers) * node.output.bits * register;
  const { height, width } = plan.kernel;
  const depthwise = node.kind === "depthwiseConv2d";
  let window: number;
  if (depthwise && inputs === 1 && height * width > 1) {
    window = ringSlots(plan) * pixel * sramBit + (pixel - lanes * input.bits) * mux + CONTROL;
  } else {
    // Operands at work in a register of their own, each chosen from what is held or, first, from the window.
    const rounds = depthwise ? groups * slices : slices;
    const again = !depthwise && groups > 1;
    const shown = rounds > 1 ? (depthwise ? lanes : 1) * word : 0;
    const held = pixel * height * width + (again || rounds === 1 ? 0 : -shown);
    const registers = (pixel * height * (width - 1) + held + shown) * register;
    const choices = shown * (rounds - (again ? 0 : 1));
    const pads = height * width > 1 ? pixel * height * width * and : 0;
    window = registers + choices * mux + pads + (height - 1) * plan.periodSteps * pixel * sramBit;
  }
  const queued = fifo > 0 ? fifo * pixel * sramBit + CONTROL / 2 : 0;
  return (
    lanes * lane +
    queue +
    requantizers * scaleArea(sketch, units) +
    rom +
    read +
    output +
    window +
    queued +
    CONTROL
  );
}
