import { parseArgs } from "node:util";
import { CheckFailedError, FixynnError, writeFileAtomic } from "../src/core/index.js";
import type { BenchTable } from "./table.js";

type Bench = { readonly run: (options: BenchOptions) => Promise<BenchTable> };

/** What a benchmark is told from the command line. */
export type BenchOptions = {
  /** Constant matrices to measure beside the shared ones. */
  readonly matrices: readonly string[];
};

/** Every benchmark, loaded when it is asked for. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Bench>>> = {
  accel: () => import("./accel.js"),
  cmvm: () => import("./cmvm.js"),
  compile: () => import("./compile.js"),
  cost: () => import("./cost.js"),
  constants: () => import("./constants.js"),
  explore: () => import("./explore.js"),
  export: () => import("./export.js"),
  features: () => import("./features.js"),
  folding: () => import("./folding.js"),
  golden: () => import("./golden.js"),
  normalization: () => import("./normalization.js"),
  quant: () => import("./quant.js"),
  requantization: () => import("./requantization.js"),
  sim: () => import("./sim.js"),
  "sim-kernel": () => import("./sim-kernel.js"),
  train: () => import("./train.js"),
  "transfer-memory": () => import("./transfer-memory.js"),
};

function usage(): never {
  console.error(
    `usage: npm run bench -- NAME [--json FILE] [--matrix FILE …]; NAME is one of ${Object.keys(BENCHMARKS).join(", ")}`,
  );
  process.exit(2);
}

function parsed() {
  try {
    const options = { json: { type: "string" }, matrix: { type: "string", multiple: true } } as const;
    return parseArgs({ args: process.argv.slice(2), options, allowPositionals: true });
  } catch {
    return usage();
  }
}

const { values, positionals } = parsed();
const load = positionals.length === 1 ? BENCHMARKS[positionals[0]!] : undefined;
if (load === undefined) usage();

/** Run, or end as the command line does: one line, exit code 1 for a failed check and 2 for bad input. */
async function measured(run: Bench["run"]): Promise<BenchTable> {
  try {
    return await run({ matrices: values.matrix ?? [] });
  } catch (error) {
    if (!(error instanceof FixynnError)) throw error;
    console.error(error.oneLine());
    process.exit(error instanceof CheckFailedError ? 1 : 2);
  }
}

const table = await measured((await load()).run);
for (const { name: row, metric, value, unit, peer, ratio } of table.rows) {
  const beside = peer === undefined ? "" : `   ${peer.name}: ${Number(peer.value.toPrecision(6))}`;
  const times = ratio === undefined ? "" : `   ratio ${ratio.toFixed(3)}`;
  console.log(
    `${row.padEnd(40)} ${metric.padEnd(20)} ${value.toPrecision(5).padStart(12)} ${unit}${beside}${times}`,
  );
}
if (values.json !== undefined) writeFileAtomic(values.json, `${JSON.stringify(table, null, 2)}\n`);
