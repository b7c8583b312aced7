import type { ClockTarget, Interval } from "../../arith/index.js";
import { FixynnError } from "../../core/index.js";
import {
  accumulatorInterval,
  type ConstantRequantization,
  type ProgrammableRequantization,
  type QuantType,
} from "../../quant/index.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import { registerBounds } from "../register-datapath.js";
import { buildRegisterRequantizer } from "../register-requantizer.js";
import { layerRegisters } from "../registers.js";
import type { WindowPlan } from "../window-plan.js";
import { type CoreParts, requantizersOf } from "./core.js";
import { buildLane, type LaneShape } from "./lane.js";
import { linearRequantization } from "./linear-requantization.js";
import { type FoldedSteps, type Folding, foldedSteps } from "./parallelism.js";
import { registerAddress } from "./register-walk.js";
import { accumulatorHull, buildRequantizer, type RequantizerShape, scaleWord } from "./requantizer.js";
import { weightFormat } from "./weight-words.js";

/** A layer to fold. */
export type FoldedJob = {
  readonly name: string;
  readonly node: WeightedNode;
  readonly input: QuantType;
  /** Integers that the input can take, zero point included. */
  readonly inputRange: Interval;
  readonly plan: WindowPlan;
  readonly folding: Folding;
  readonly clock: ClockTarget;
};

/** Refuse more lanes than output channels, or more inputs than each of them reads. */
function checkFolding(
  { lanes, inputs }: Folding,
  { outputs, taps }: { readonly outputs: number; readonly taps: number },
  place: string,
): void {
  if (lanes <= outputs && inputs <= taps) return;
  throw new FixynnError("FX5043", `${lanes} lanes of ${inputs} inputs are more than the layer has work for`, {
    place,
    hint: `at most ${outputs} lanes of ${taps} inputs`,
  });
}

/** Make what all folded forms of a layer have in common: the lane, the requantizer and their constants. */
export function foldedParts(job: FoldedJob): CoreParts {
  const { name, node, input, inputRange, folding, clock } = job;
  const rows = weightRows(node).map(({ weights }) => weights);
  checkFolding(folding, { outputs: rows.length, taps: rows[0]!.length }, node.name);
  const steps = foldedSteps(folding, rows.length, rows[0]!.length);
  const { bits, signed } = weightFormat(rows);
  const { requantization } = node;
  const { accumulator, hasBias, ...requantizing } =
    requantization.mode === "programmable"
      ? registerParts(job, { ...node, requantization }, steps)
      : constantParts(job, { ...node, requantization });
  const laneShape: LaneShape = {
    inputs: folding.inputs,
    inputBits: input.bits,
    inputRange,
    weightBits: bits,
    signedWeights: signed,
    slices: steps.slices,
    accumulator,
    clock,
  };
  const lane = buildLane(
    `${name}_lane`,
    [
      `One lane of folded layer "${node.name}": ${folding.inputs} multiplier(s) and an accumulator.`,
      "x and w belong to one cycle; bias, first and accumulate to the cycle in which their sum is there.",
    ],
    laneShape,
  );
  const biases = rows.map(
    (row, o) => (hasBias ? node.bias.data[o]! : 0) - input.zeroPoint * row.reduce((sum, w) => sum + w, 0),
  );
  return { rows, biases, folding, steps, laneShape, lane, outputBits: node.output.bits, ...requantizing };
}

/** What differs between constant and programmable requantization. */
type Requantizing = Pick<CoreParts, "scales" | "requantizer"> & {
  readonly accumulator: Interval;
  /** The lanes' sums begin with the biases; otherwise the requantizer adds them. */
  readonly hasBias: boolean;
};

function constantParts(
  { name, input, inputRange, clock }: FoldedJob,
  node: WeightedNode & { readonly requantization: ConstantRequantization },
): Requantizing {
  const bounds = { low: Number(inputRange.low), high: Number(inputRange.high) };
  const { low, high } = accumulatorInterval(node, { ...input, range: bounds });
  const { zeroPoint } = node.output;
  const { clamp } = node;
  const shape: RequantizerShape = {
    low: [...low],
    high: [...high],
    formula: linearRequantization(node.requantization, { low, high }, { zeroPoint, clamp, place: node.name }),
    clamp,
    outputBits: node.output.bits,
    clock,
  };
  const doc = [
    `Requantization of folded layer "${node.name}": (m * a + c) >> ${shape.formula.shift}, then the clamp to ` +
      `${clamp.low}..${clamp.high}; equal to the network's for every accumulator that can come.`,
  ];
  return {
    scales: {
      kind: "constants",
      words: shape.low.map((_, channel) => scaleWord(shape, channel)),
      formula: shape.formula,
    },
    requantizer: buildRequantizer(`${name}_requantize`, doc, shape),
    accumulator: accumulatorHull(shape),
    hasBias: true,
  };
}

function registerParts(
  { name, input, inputRange, folding, clock }: FoldedJob,
  node: WeightedNode & { readonly requantization: ProgrammableRequantization },
  steps: FoldedSteps,
): Requantizing {
  const { clamp, output } = node;
  const { shifts } = node.requantization;
  const shift = Math.max(...shifts);
  const leftShifts = Array.from(shifts, (own) => shift - own);
  const { sum, format } = registerBounds(node, { type: input, range: inputRange }, leftShifts);
  const columns = requantizersOf(folding, steps);
  const addresses = leftShifts.map((_, channel) => registerAddress(channel, columns));
  // Channels beyond the last have words too, which nobody needs.
  const last = registerAddress(steps.groups * folding.lanes - 1, columns);
  const doc = [
    `Requantization of folded layer "${node.name}" with registers: (m * a + c) >> ${shift}, then the clamp to ${clamp.low}..${clamp.high}.`,
  ];
  return {
    scales: { kind: "registers", registers: layerRegisters(format, addresses, leftShifts, last) },
    requantizer: buildRegisterRequantizer(`${name}_requantize`, doc, {
      ...{ sum, format, shift, clamp, outputBits: output.bits, clock },
    }),
    accumulator: sum,
    hasBias: false,
  };
}
