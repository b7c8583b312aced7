import type { ClockTarget, Interval } from "../../arith/index.js";
import { FixynnError } from "../../core/index.js";
import { accumulatorInterval, type QuantType } from "../../quant/index.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import type { WindowPlan } from "../window-plan.js";
import type { CoreParts } from "./core.js";
import { buildLane, type LaneShape } from "./lane.js";
import { linearRequantization } from "./linear-requantization.js";
import { type Folding, foldedSteps } from "./parallelism.js";
import { accumulatorHull, buildRequantizer, type RequantizerShape } from "./requantizer.js";
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
  const bounds = { low: Number(inputRange.low), high: Number(inputRange.high) };
  const { low, high } = accumulatorInterval(node, { ...input, range: bounds });
  const { bits, signed } = weightFormat(rows);
  const { zeroPoint } = node.output;
  const scaleShape: RequantizerShape = {
    low: [...low],
    high: [...high],
    formula: linearRequantization(
      node.requantization,
      { low, high },
      { zeroPoint, clamp: node.clamp, place: node.name },
    ),
    clamp: node.clamp,
    outputBits: node.output.bits,
    clock,
  };
  const laneShape: LaneShape = {
    inputs: folding.inputs,
    inputBits: input.bits,
    inputRange,
    weightBits: bits,
    signedWeights: signed,
    slices: steps.slices,
    accumulator: accumulatorHull(scaleShape),
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
  const requantizer = buildRequantizer(
    `${name}_requantize`,
    [
      `Requantization of folded layer "${node.name}": (m * a + c) >> ${scaleShape.formula.shift}, then the clamp to ` +
        `${node.clamp.low}..${node.clamp.high}; equal to the network's for every accumulator that can come.`,
    ],
    scaleShape,
  );
  const biases = rows.map(
    (row, o) => node.bias.data[o]! - input.zeroPoint * row.reduce((sum, w) => sum + w, 0),
  );
  return { rows, biases, folding, steps, laneShape, lane, scaleShape, requantizer };
}
