import { readFileSync } from "node:fs";
import { basename } from "node:path";
import {
  type AdderGraph,
  adderGraphMetrics,
  binaryGraph,
  type ClockTarget,
  type ConstantMatrix,
  evaluateAdderGraph,
  evaluateBits,
  interval,
  shareMatrix,
} from "../src/arith/index.js";
import { CheckFailedError, createRng, FixynnError } from "../src/core/index.js";
import { lowerDatapath } from "../src/hw/datapath.js";
import {
  type DatapathPlan,
  datapathCounts,
  type Module,
  ModuleBuilder,
  planDatapath,
  wholePlan,
} from "../src/hw/index.js";

const CHECKED_INPUTS = 16;

/** Read a matrix: rows (inputs), columns (outputs), then the integers, row after row. */
export function readMatrix(path: string): ConstantMatrix {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new FixynnError("FX9003", "cannot read the matrix", { place: path, hint: "check the path", cause });
  }
  const numbers = text.trim().split(/\s+/).map(Number);
  const [inputs = 0, outputs = 0] = numbers;
  if (inputs < 1 || numbers.length !== 2 + inputs * outputs || !numbers.every(Number.isSafeInteger)) {
    throw new FixynnError("FX9003", `no matrix of ${inputs} x ${outputs} integers`, {
      place: path,
      hint: "write rows, columns, then rows times columns integers, separated by blanks",
    });
  }
  return matrixOf(basename(path, ".txt"), inputs, outputs, (i, o) => numbers[2 + i * outputs + o]!);
}

/** Make a matrix over signed bytes of a function of input and output. */
export function matrixOf(
  name: string,
  inputs: number,
  outputs: number,
  weight: (i: number, o: number) => number,
): ConstantMatrix {
  return {
    name,
    weights: Array.from({ length: outputs }, (_, o) =>
      Float64Array.from({ length: inputs }, (_w, i) => weight(i, o)),
    ),
    inputs: Array.from({ length: inputs }, (_, i) => ({ name: `x${i}`, interval: interval(-128, 127) })),
    outputs: Array.from({ length: outputs }, (_, o) => `y${o}`),
  };
}

/** Input vectors: all lowest, all highest, each output's extremes, and random ones. */
function* vectorsOf({ weights, inputs }: ConstantMatrix): Generator<readonly bigint[]> {
  const rng = createRng(1);
  const ends = (pick: (i: number) => boolean): bigint[] =>
    inputs.map(({ interval: { low, high } }, i) => (pick(i) ? high : low));
  yield ends(() => false);
  yield ends(() => true);
  for (const row of Array.from(weights).slice(0, CHECKED_INPUTS / 2)) {
    yield ends((i) => row[i]! > 0);
    yield ends((i) => row[i]! < 0);
  }
  for (let k = 0; k < CHECKED_INPUTS; k++) yield inputs.map(() => BigInt(rng.integer(256) - 128));
}

/** Compare what something computes with the matrix's products on {@link vectorsOf}. */
function check(
  matrix: ConstantMatrix,
  compute: (x: readonly bigint[]) => readonly (bigint | undefined)[],
): void {
  for (const x of vectorsOf(matrix)) {
    const values = compute(x);
    for (const [o, row] of matrix.weights.entries()) {
      const wanted = x.reduce((sum, value, i) => sum + BigInt(row[i]!) * value, 0n);
      if (values[o] !== wanted)
        throw new CheckFailedError("FX9004", `output ${o} is wrong`, { place: matrix.name });
    }
  }
}

/** A matrix as an adder graph, and what the graph costs. */
export type Measured = {
  readonly graph: AdderGraph;
  readonly adders: number;
  readonly bits: number;
  readonly depth: number;
  readonly seconds: number;
};

/** Share a matrix's sub-expressions; the median time of some repeats, and the additions of the checked result. */
export function measure(matrix: ConstantMatrix, repeats: number, maxDepth?: number): Measured {
  const bound = maxDepth === undefined ? {} : { maxDepth };
  const seconds: number[] = [];
  let graph: AdderGraph | undefined;
  for (let k = 0; k < repeats; k++) {
    const started = performance.now();
    graph = shareMatrix(matrix, bound);
    seconds.push((performance.now() - started) / 1000);
  }
  const shared = graph!;
  const binary = binaryGraph(shared, bound);
  for (const each of [shared, binary])
    check(matrix, (x) => {
      const values = evaluateAdderGraph(each, x);
      return each.outputs.map((output) => values[output]);
    });
  const median = seconds.sort((a, b) => a - b)[Math.floor(repeats / 2)]!;
  return { graph: shared, ...adderGraphMetrics(binary), seconds: median };
}

/** Put a graph into bits at a clock and check them. */
export function realize(matrix: ConstantMatrix, graph: AdderGraph, clock: ClockTarget): DatapathPlan {
  const plan = planDatapath(graph, clock);
  check(matrix, (x) => {
    const values = evaluateBits(plan.netlist, x);
    return plan.graph.outputs.map((output) => values[output]);
  });
  return plan;
}

/** A plan as one module, registers always enabled. */
export function moduleOf({ name, inputs }: ConstantMatrix, plan: DatapathPlan): Module {
  const b = new ModuleBuilder(`cmvm_${name}`, []);
  if (plan.schedule.latencyCycles > 0) b.clock("clk");
  const words = inputs.map((_, i) => b.input(`x${i}`, 8));
  for (const [o, word] of lowerDatapath(b, plan, words, { enable: null }).entries()) b.output(`y${o}`, word);
  return b.build();
}

/** Cells, registers and times of a plan. */
export type Realized = {
  readonly fullAdders: number;
  readonly halfAdders: number;
  readonly inverters: number;
  readonly criticalPath: number;
  readonly registerBits: number;
  readonly latencyCycles: number;
};

/** Count a plan. */
export function figuresOf(plan: DatapathPlan): Realized {
  const { fullAdders, finalAdderBits, halfAdders, inverters } = datapathCounts(plan, wholePlan(plan));
  const { longestPathPs, registerBits, latencyCycles } = plan.schedule;
  return {
    fullAdders: fullAdders + finalAdderBits,
    halfAdders,
    inverters,
    criticalPath: longestPathPs,
    registerBits,
    latencyCycles,
  };
}

/** Area of cells and registers that a plan is expected to have. */
export function expectedArea(plan: DatapathPlan): number {
  const { fullAdder, halfAdder, inverter, register } = plan.cells;
  const { fullAdders, halfAdders, inverters, registerBits } = figuresOf(plan);
  return (
    fullAdders * fullAdder.areaUm2 +
    halfAdders * halfAdder.areaUm2 +
    inverters * inverter.areaUm2 +
    registerBits * register.areaUm2
  );
}
