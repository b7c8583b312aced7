import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import {
  type AdderGraph,
  adderGraphMetrics,
  binaryGraph,
  type ConstantMatrix,
  evaluateAdderGraph,
  interval,
  minimumDepth,
  shareMatrix,
} from "../src/arith/index.js";
import { CheckFailedError, createRng, FixynnError, packageRoot } from "../src/core/index.js";
import type { BenchOptions } from "./main.js";
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
  matrices: z.record(z.string(), z.object({ da4ml: figures, da4mlMinDepth: figures.optional() })),
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

/** Evaluate a graph on the inputs' corners and on random inputs. */
function check(graph: AdderGraph, { name, weights, inputs }: ConstantMatrix): void {
  const rng = createRng(1);
  const ends = (pick: (i: number) => boolean): bigint[] =>
    inputs.map((input, i) => (pick(i) ? input.interval.high : input.interval.low));
  const widest = Array.from(weights, (row) => row).flatMap((row) => [
    ends((i) => row[i]! > 0),
    ends((i) => row[i]! < 0),
  ]);
  const random = Array.from({ length: CHECKED_INPUTS }, () =>
    inputs.map(() => BigInt(rng.integer(256) - 128)),
  );
  for (const x of [ends(() => false), ends(() => true), ...widest.slice(0, CHECKED_INPUTS), ...random]) {
    const values = evaluateAdderGraph(graph, x);
    for (const [o, row] of weights.entries()) {
      const wanted = x.reduce((sum, value, i) => sum + BigInt(row[i]!) * value, 0n);
      if (values[graph.outputs[o]!] !== wanted)
        throw new CheckFailedError("FX9004", `output ${o} is wrong`, { place: name });
    }
  }
}

type Measured = {
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
  const binary = binaryGraph(graph!, bound);
  check(graph!, matrix);
  check(binary, matrix);
  return { ...adderGraphMetrics(binary), seconds: seconds.sort((a, b) => a - b)[Math.floor(repeats / 2)]! };
}

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
    peer: { name: "da4ml", value: peer },
    ratio: value / peer,
  };
}

/**
 * Constant matrices as adder graphs: two-operand additions, their bits (see {@link adderGraphMetrics}), depth and seconds, without a depth
 * bound, and with the least depth (or the depth that the peer reached, `.minDepth`). Peers are the figures of `reference.json`. A graph
 * that does not equal its matrix ends the benchmark.
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
  const rows: BenchRow[] = [];
  for (const { matrix, peer } of cases) {
    const isLarge = matrix.weights.length * matrix.inputs.length > 8192;
    const repeats = isLarge ? 1 : REPEATS;
    rows.push(...rowsOf(matrix.name, "", measure(matrix, repeats), peer?.da4ml));
    const depth = peer?.da4mlMinDepth?.depth ?? minimumDepth(matrix.weights);
    if (!isLarge)
      rows.push(...rowsOf(matrix.name, ".minDepth", measure(matrix, repeats, depth), peer?.da4mlMinDepth));
  }
  const peak = {
    name: "all",
    metric: "peakMemory",
    value: process.resourceUsage().maxRSS / 1024,
    unit: "MB",
  };
  const sums = ["adders", "bits", "adders.minDepth", "bits.minDepth"].map((metric) => sumRow(rows, metric));
  return { bench: "cmvm", machine: cpus()[0]?.model ?? "unknown", rows: [...rows, ...sums, peak] };
}
