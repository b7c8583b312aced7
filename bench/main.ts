import { writeFileAtomic } from "../src/core/index.js";
import type { BenchTable } from "./table.js";

/** Every benchmark, loaded when it is asked for. */
const BENCHMARKS: Readonly<Record<string, () => Promise<{ readonly run: () => Promise<BenchTable> }>>> = {
  quant: () => import("./quant.js"),
  sim: () => import("./sim.js"),
  train: () => import("./train.js"),
};

const [name, flag, file] = process.argv.slice(2);
const load = name === undefined ? undefined : BENCHMARKS[name];
if (load === undefined || (flag !== undefined && (flag !== "--json" || file === undefined))) {
  console.error(
    `usage: npm run bench -- NAME [--json FILE]; NAME is one of ${Object.keys(BENCHMARKS).join(", ")}`,
  );
  process.exit(2);
}
const table = await (await load()).run();
for (const { name: row, metric, value, unit, peer, ratio } of table.rows) {
  const beside = peer === undefined ? "" : `   ${peer.name}: ${peer.value}`;
  const times = ratio === undefined ? "" : `   ratio ${ratio.toFixed(3)}`;
  console.log(
    `${row.padEnd(40)} ${metric.padEnd(20)} ${value.toPrecision(5).padStart(12)} ${unit}${beside}${times}`,
  );
}
if (file !== undefined) writeFileAtomic(file, `${JSON.stringify(table, null, 2)}\n`);
