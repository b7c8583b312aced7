import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import {
  type AdderGraph,
  adderGraphMetrics,
  binaryGraph,
  type ClockTarget,
  type ConstantMatrix,
  combinational,
  evaluateAdderGraph,
  evaluateBits,
  interval,
  minimumDepth,
  shareMatrix,
  sky130Cells,
} from "../src/arith/index.js";
import { CheckFailedError, createRng, FixynnError, packageRoot } from "../src/core/index.js";
import { lowerDatapath } from "../src/hw/datapath.js";
import {
  type DatapathPlan,
  datapathCounts,
  type Module,
  ModuleBuilder,
  planDatapath,
  sg13g2Adders,
  sky130Adders,
  wholePlan,
} from "../src/hw/index.js";
import type { BenchOptions } from "./main.js";
import { hasNativeYosys, type SynthesisLibrary, synthesize } from "./synthesis.js";
import type { BenchRow, BenchTable } from "./table.js";

const REPEATS = 3;
const CHECKED_INPUTS = 16;
const DENSE = 256;

const figures = z.object({
  adders: z.number(),
  bits: z.number(),
  depth: z.number(),
  seconds: z.number().optional(),
});
const reference = z.object({
  matrices: z.record(
    z.string(),
    z.object({
      da4ml: figures,
      da4mlMinDepth: figures.optional(),
      sky130AreaUm2: z.object({ sharedTrees: z.number() }).optional(),
    }),
  ),
});
type Peers = z.infer<typeof reference>["matrices"][string];

/** Read a matrix: rows (inputs), columns (outputs), then the integers, row after row. */
export function readMatrix(path: string): ConstantMatrix {
  const numbers = readFileSync(path, "utf8").trim().split(/\s+/).map(Number);
  const [inputs = 0, outputs = 0] = numbers;
  if (inputs < 1 || numbers.length !== 2 + inputs * outputs || !numbers.every(Number.isSafeInteger)) {
    throw new FixynnError("FX9003", `no matrix of ${inputs} x ${outputs} integers`, {
      place: path,
      hint: "write rows, columns, then rows times columns integers, separated by blanks",
    });
  }
  return matrixOf(basename(path, ".txt"), inputs, outputs, (i, o) => numbers[2 + i * outputs + o]!);
}

function matrixOf(
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

type Measured = {
  readonly graph: AdderGraph;
  readonly adders: number;
  readonly bits: number;
  readonly depth: number;
  readonly seconds: number;
};

function measure(matrix: ConstantMatrix, repeats: number, maxDepth?: number): Measured {
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
function realize(matrix: ConstantMatrix, graph: AdderGraph, clock: ClockTarget): DatapathPlan {
  const plan = planDatapath(graph, clock);
  check(matrix, (x) => {
    const values = evaluateBits(plan.netlist, x);
    return plan.graph.outputs.map((output) => values[output]);
  });
  return plan;
}

/** A plan as one module, registers always enabled. */
function moduleOf({ name, inputs }: ConstantMatrix, plan: DatapathPlan): Module {
  const b = new ModuleBuilder(`cmvm_${name}`, []);
  if (plan.schedule.latency > 0) b.clock("clk");
  const words = inputs.map((_, i) => b.input(`x${i}`, 8));
  for (const [o, word] of lowerDatapath(b, plan, words, { enable: null }).entries()) b.output(`y${o}`, word);
  return b.build();
}

type Realized = {
  readonly fullAdders: number;
  readonly halfAdders: number;
  readonly inverters: number;
  readonly criticalPath: number;
  readonly registerBits: number;
  readonly latency: number;
};

function figuresOf(plan: DatapathPlan): Realized {
  const { fullAdders, finalAdderBits, halfAdders, inverters } = datapathCounts(plan, wholePlan(plan));
  const { longestPathPs, registerBits, latency } = plan.schedule;
  return {
    fullAdders: fullAdders + finalAdderBits,
    halfAdders,
    inverters,
    criticalPath: longestPathPs,
    registerBits,
    latency,
  };
}

const REALIZED_UNITS = {
  fullAdders: "cells",
  halfAdders: "cells",
  inverters: "cells",
  criticalPath: "ps",
  registerBits: "bits",
  latency: "cycles",
} as const;

const UNITS = { adders: "additions", bits: "full-adder bits", depth: "additions", seconds: "s" } as const;

function rowsOf(
  name: string,
  suffix: string,
  ours: Measured,
  peer: z.infer<typeof figures> | undefined,
): BenchRow[] {
  return (["adders", "bits", "depth", "seconds"] as const).map((metric) => {
    const row = { name, metric: `${metric}${suffix}`, value: ours[metric], unit: UNITS[metric] };
    const value = peer?.[metric];
    return value === undefined
      ? row
      : { ...row, peer: { name: "da4ml", value }, ratio: ours[metric] / value };
  });
}

function sumRow(rows: readonly BenchRow[], metric: string): BenchRow {
  const compared = rows.filter((row) => row.metric === metric && row.peer !== undefined);
  const value = compared.reduce((sum, row) => sum + row.value, 0);
  const peer = compared.reduce((sum, row) => sum + row.peer!.value, 0);
  return {
    name: "sum",
    metric,
    value,
    unit: compared[0]?.unit ?? "",
    peer: { name: compared[0]?.peer?.name ?? "", value: peer },
    ratio: value / peer,
  };
}

/** Most cells that are synthesized: the npm package takes several times as long as a native Yosys. */
const MOST_CELLS = { native: 40_000, wasm: 4_000 };

/** The two clock targets, and the graphs that are tried for the second: sharing deep sums costs registers. */
const CLOCK: ClockTarget = { periodPs: 2000, cells: sky130Cells };

function realizedRows(
  name: string,
  suffix: string,
  realized: Realized,
  metrics: readonly (keyof Realized)[],
): BenchRow[] {
  return metrics.map((metric) => ({
    name,
    metric: `${metric}${suffix}`,
    value: realized[metric],
    unit: REALIZED_UNITS[metric],
  }));
}

/** Area of cells and registers that a plan is expected to have. */
function expectedArea(plan: DatapathPlan): number {
  const { fullAdder, halfAdder, inverter, register } = plan.cells;
  const { fullAdders, halfAdders, inverters, registerBits } = figuresOf(plan);
  return (
    fullAdders * fullAdder.areaUm2 +
    halfAdders * halfAdder.areaUm2 +
    inverters * inverter.areaUm2 +
    registerBits * register.areaUm2
  );
}

type Synthesis = {
  readonly sky130?: SynthesisLibrary;
  readonly sg13g2?: SynthesisLibrary;
  readonly mostCells: number;
};

function synthesisOf(): Synthesis {
  const folder = join(resolve(packageRoot, process.env["FIXYNN_SHARED"] ?? "../shared"), "tech");
  const library = (file: string, adders: SynthesisLibrary["adders"]): SynthesisLibrary | undefined =>
    existsSync(join(folder, file)) ? { liberty: join(folder, file), adders } : undefined;
  const sky130 = library("sky130hd_tt.lib.gz", sky130Adders);
  const sg13g2 = library("sg13g2_typ.lib.gz", sg13g2Adders);
  if (sky130 === undefined) console.error(`no areas: ${folder} has no Liberty files`);
  return {
    ...(sky130 === undefined ? {} : { sky130 }),
    ...(sg13g2 === undefined ? {} : { sg13g2 }),
    mostCells: hasNativeYosys() ? MOST_CELLS.native : MOST_CELLS.wasm,
  };
}

async function matrixRows(
  matrix: ConstantMatrix,
  peer: Peers | undefined,
  synthesis: Synthesis,
): Promise<BenchRow[]> {
  const { name } = matrix;
  const isLarge = matrix.weights.length * matrix.inputs.length > 8192;
  const repeats = isLarge ? 1 : REPEATS;
  const free = measure(matrix, repeats);
  const rows = rowsOf(name, "", free, peer?.da4ml);
  const plan = realize(matrix, free.graph, combinational);
  const figures2 = figuresOf(plan);
  rows.push(...realizedRows(name, "", figures2, ["fullAdders", "halfAdders", "inverters", "criticalPath"]));
  rows.push({ name, metric: "expectedAreaUm2", value: expectedArea(plan), unit: "um2" });
  const depth = peer?.da4mlMinDepth?.depth ?? minimumDepth(matrix.weights);
  const shallow = isLarge ? undefined : measure(matrix, repeats, depth);
  if (shallow !== undefined) rows.push(...rowsOf(name, ".minDepth", shallow, peer?.da4mlMinDepth));
  const clocked = [free, ...(shallow === undefined ? [] : [shallow])]
    .map((measured) => ({ measured, plan: realize(matrix, measured.graph, CLOCK) }))
    .sort((a, b) => expectedArea(a.plan) - expectedArea(b.plan))[0]!;
  rows.push(...rowsOf(name, ".2ns", clocked.measured, undefined));
  rows.push(
    ...realizedRows(name, ".2ns", figuresOf(clocked.plan), [
      "fullAdders",
      "halfAdders",
      "criticalPath",
      "registerBits",
      "latency",
    ]),
  );
  if (synthesis.sky130 === undefined || figures2.fullAdders > synthesis.mostCells) return rows;
  const { sky130, sg13g2 } = synthesis;
  const area = async (metric: string, from: DatapathPlan, peerArea?: number): Promise<void> => {
    const { areaUm2, cells } = await synthesize(moduleOf(matrix, from), sky130);
    const found = cells.get("sky130_fd_sc_hd__fa_1") ?? 0;
    const { fullAdders } = figuresOf(from);
    if (from.schedule.adders.every((kind) => kind === "ripple") && found !== fullAdders)
      throw new CheckFailedError("FX9004", `${found} full adders after synthesis, ${fullAdders} before`, {
        place: name,
      });
    const row = { name, metric, value: areaUm2, unit: "um2" };
    rows.push(
      peerArea === undefined
        ? row
        : { ...row, peer: { name: "da4ml, full-adder trees", value: peerArea }, ratio: areaUm2 / peerArea },
    );
  };
  await area("sky130AreaUm2", plan, peer?.sky130AreaUm2?.sharedTrees);
  await area("sky130AreaUm2.2ns", clocked.plan);
  if (sg13g2 !== undefined && figures2.fullAdders < MOST_CELLS.wasm) {
    const module = moduleOf(matrix, plan);
    const [own, taken] = [await synthesize(module, sg13g2), await synthesize(module, sg13g2, false)];
    const peerRow = { name: "adders left to ABC", value: taken.areaUm2 };
    const value = own.areaUm2;
    rows.push({
      name,
      metric: "sg13g2AreaUm2",
      value,
      unit: "um2",
      peer: peerRow,
      ratio: value / taken.areaUm2,
    });
  }
  return rows;
}

/**
 * Constant matrices as adder graphs and as silicon. Two-operand additions, their bits (see {@link adderGraphMetrics}), depth and seconds: without
 * a depth bound, with the least depth (or the depth that the peer reached, `.minDepth`), and of the one of these two that is
 * smaller when pipelined to 2 ns (`.2ns`). Cells, critical path and register bits are counted from the bits; areas are Yosys'
 * and ABC's, adders kept as library cells (sky130; SG13G2, which has none, by gates). Peers are the figures of `reference.json`. A graph or
 * netlist that does not equal its matrix ends the benchmark, as do full adders that synthesis has lost or added.
 */
export async function run({ matrices }: BenchOptions): Promise<BenchTable> {
  const folder = join(resolve(packageRoot, process.env["FIXYNN_SHARED"] ?? "../shared"), "bench", "cmvm");
  const { matrices: peers } = reference.parse(
    JSON.parse(readFileSync(join(folder, "reference.json"), "utf8")),
  );
  const rng = createRng(7);
  const cases: { readonly matrix: ConstantMatrix; readonly peer?: Peers }[] = [
    ...Object.entries(peers).map(([name, peer]) => ({
      matrix: readMatrix(join(folder, `${name}.txt`)),
      peer,
    })),
    { matrix: matrixOf(`dense_${DENSE}x${DENSE}`, DENSE, DENSE, () => rng.integer(256) - 128) },
    ...matrices.map((path) => ({ matrix: readMatrix(path) })),
  ];
  const synthesis = synthesisOf();
  const rows: BenchRow[] = [];
  for (const { matrix, peer } of cases) rows.push(...(await matrixRows(matrix, peer, synthesis)));
  const peak = {
    name: "all",
    metric: "peakMemory",
    value: process.resourceUsage().maxRSS / 1024,
    unit: "MB",
  };
  const compared = ["adders", "bits", "adders.minDepth", "bits.minDepth", "sky130AreaUm2"];
  const sums = compared
    .filter((metric) => rows.some((row) => row.metric === metric && row.peer !== undefined))
    .map((metric) => sumRow(rows, metric));
  return { bench: "cmvm", machine: cpus()[0]?.model ?? "unknown", rows: [...rows, ...sums, peak] };
}
