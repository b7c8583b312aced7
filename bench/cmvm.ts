import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import {
  type ClockTarget,
  type ConstantMatrix,
  combinational,
  minimumDepth,
  sky130Cells,
} from "../src/arith/index.js";
import { CheckFailedError, createRng, invariant } from "../src/core/index.js";
import { type DatapathPlan, sg13g2Adders, sky130Adders } from "../src/hw/index.js";
import { findQuantNode } from "../src/quant/index.js";
import { hasNativeYosys } from "../src/sim/index.js";
import type { BenchOptions } from "./main.js";
import {
  expectedArea,
  figuresOf,
  type Measured,
  matrixOf,
  measure,
  moduleOf,
  type Realized,
  readMatrix,
  realize,
} from "./matrices.js";
import { loadMobileNet } from "./mobilenet.js";
import { sharedPath } from "./photos.js";
import { type SynthesisLibrary, synthesize } from "./synthesis.js";
import type { BenchRow, BenchTable } from "./table.js";

const REPEATS = 3;
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

const REALIZED_UNITS = {
  fullAdders: "cells",
  halfAdders: "cells",
  inverters: "cells",
  criticalPath: "ps",
  registerBits: "bits",
  latencyCycles: "cycles",
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

type Synthesis = {
  readonly sky130?: SynthesisLibrary;
  readonly sg13g2?: SynthesisLibrary;
  readonly mostCells: number;
};

function synthesisOf(): Synthesis {
  const folder = sharedPath("tech");
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
  const combined = figuresOf(plan);
  rows.push(...realizedRows(name, "", combined, ["fullAdders", "halfAdders", "inverters", "criticalPath"]));
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
      "latencyCycles",
    ]),
  );
  if (synthesis.sky130 === undefined) return rows;
  if (combined.fullAdders > synthesis.mostCells) {
    console.error(
      `${name}: no areas, ${combined.fullAdders} full adders are more than ${synthesis.mostCells}`,
    );
    return rows;
  }
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
  if (sg13g2 !== undefined && combined.fullAdders < MOST_CELLS.wasm) {
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

/** The last pointwise layer of the published quantized MobileNet, 256×256 weights of 9 bits. */
function publishedMatrix(): ConstantMatrix {
  const { network, freezePoint } = loadMobileNet();
  const node = findQuantNode(network, freezePoint);
  invariant(node.kind === "conv2d", "the last layer is pointwise");
  const [inputs, outputs] = node.weights.shape.slice(2) as [number, number];
  return matrixOf(
    `quant_mobilenet_${inputs}x${outputs}`,
    inputs,
    outputs,
    (i, o) => node.weights.data[i * outputs + o]!,
  );
}

/**
 * Constant matrices as adder graphs and as silicon. Two-operand additions, their bits (see {@link adderGraphMetrics}), depth and seconds: without
 * a depth bound, with the least depth (or the depth that the peer reached, `.minDepth`), and of the one of these two that is
 * smaller when pipelined to 2 ns (`.2ns`). Cells, critical path and register bits are counted from the bits; areas are Yosys'
 * and ABC's, adders kept as library cells (sky130; SG13G2, which has none, by gates). Peers are the figures of `reference.json`. A graph or
 * netlist that does not equal its matrix ends the benchmark, as do full adders that synthesis has lost or added.
 */
export async function run({ matrices }: BenchOptions): Promise<BenchTable> {
  const folder = sharedPath("bench", "cmvm");
  const { matrices: peers } = reference.parse(
    JSON.parse(readFileSync(join(folder, "reference.json"), "utf8")),
  );
  const rng = createRng(7);
  const cases: { readonly matrix: ConstantMatrix; readonly peer?: Peers }[] = [
    ...Object.entries(peers).map(([name, peer]) => ({
      matrix: readMatrix(join(folder, `${name}.txt`)),
      peer,
    })),
    { matrix: publishedMatrix() },
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
