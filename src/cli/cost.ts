import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { FixynnError } from "../core/index.js";
import {
  nativeEngine,
  readCellLibrary,
  readTechnology,
  type SynthesizedLayer,
  structuralLayers,
  synthesizeFront,
  wasmEngine,
} from "../cost/index.js";
import { defaultCacheFolder } from "../data/index.js";
import { findRtlFolder, readDeliverable } from "../flow/index.js";
import { createProgressPrinter } from "./progress.js";

type CostOptions = {
  readonly tier: "structural" | "synthesized";
  readonly liberty?: readonly string[];
  readonly technology: string;
  readonly clock?: number;
  readonly through?: string;
  readonly engine: "auto" | "native" | "wasm";
  readonly threads: number;
  readonly timeout: number;
  readonly json: boolean;
};

const columns = ["datapath", "requantization", "registers", "control", "total"] as const;
const number = (value: number): string => `${Math.round(value)}`.padStart(12);
const percent = (value: number): string =>
  `${value >= 0 ? "+" : ""}${(100 * value).toFixed(1)} %`.padStart(12);

function printLayers(layers: readonly SynthesizedLayer[]): void {
  const lines = [
    `${"layer".padEnd(24)} ${"tier".padEnd(12)}${columns.map((name) => name.slice(0, 11).padStart(12)).join("")}`,
  ];
  for (const { name, structural, synthesized, failure } of layers) {
    lines.push(
      `${name.padEnd(24)} ${"structural".padEnd(12)}${columns.map((c) => number(structural[c])).join("")}`,
    );
    if (synthesized !== null) {
      lines.push(
        `${"".padEnd(24)} ${"synthesized".padEnd(12)}${columns.map((c) => number(synthesized[c])).join("")}`,
      );
      lines.push(
        `${"".padEnd(24)} ${"error".padEnd(12)}${columns.map((c) => percent(synthesized[c] > 0 ? structural[c] / synthesized[c] - 1 : 0)).join("")}`,
      );
    } else if (failure !== null)
      lines.push(`${"".padEnd(24)} not mapped, the structural figure stands: ${failure}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

function printTiming(layers: readonly SynthesizedLayer[], clockMhz: number): void {
  process.stdout.write(`\nTiming at ${clockMhz} MHz\n`);
  for (const { name, timing } of layers) {
    if (timing === null) continue;
    const verdict =
      timing.slackPs >= 0 ? "met" : `${timing.violations} of ${timing.endpoints} endpoints late`;
    process.stdout.write(
      `${name.padEnd(24)} slack ${timing.slackPs.toFixed(0).padStart(7)} ps, ${verdict}; ${timing.path.length} cells from ` +
        `${timing.startpoint} to ${timing.endpoint}; ${timing.achievableClockMhz.toFixed(0)} MHz\n`,
    );
  }
}

async function runCost(folder: string, options: CostOptions): Promise<void> {
  const place = findRtlFolder(resolve(folder), options.through);
  const { manifest, files } = readDeliverable(place);
  const technology = readTechnology(options.technology);
  const layers = manifest.layers.map(({ layer, module, stats }) => {
    if (stats?.registerBanks !== undefined) return { name: layer, module, stats };
    const hint = "freeze the model again";
    throw new FixynnError("FX7071", "the manifest comes from an earlier version", { place, hint });
  });
  const clockMhz = options.clock ?? 1000 / (manifest.clockPeriodNs ?? 5);
  if (!(clockMhz > 0)) throw new FixynnError("FX7042", `not a clock: ${clockMhz} MHz`);
  if (options.tier === "structural") {
    const rows = structuralLayers(layers, technology);
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ folder: place, technology: technology.name, layers: rows })}\n`,
      );
    else printLayers(rows);
    return;
  }
  if (options.liberty === undefined) {
    throw new FixynnError("FX7070", "no Liberty file", {
      place: "--liberty",
      hint: "name the library's .lib files: --tier synthesized --liberty cells.lib",
    });
  }
  const library = readCellLibrary(options.liberty.map((file) => resolve(file)));
  const progress = createProgressPrinter();
  const front = await synthesizeFront(layers, files, {
    library,
    technology,
    clockMhz,
    engine: { auto: undefined, native: nativeEngine, wasm: wasmEngine }[options.engine],
    threads: options.threads,
    timeoutSeconds: options.timeout,
    cacheFolder: join(defaultCacheFolder(), "mapping"),
    onProgress: progress,
  });
  progress.end();
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ folder: place, ...front })}\n`);
    return;
  }
  process.stdout.write(`${front.library.join(", ")}; areas in um2 of cells, memories excluded\n`);
  printLayers(front.layers);
  printTiming(front.layers, front.clockMhz);
}

/** `fixynn cost`: area of a frozen front, layer by layer, by counting or by mapping to a library; timing of the mapped netlists. */
export function costCommand(): Command {
  return new Command("cost")
    .description("area and timing of emitted Verilog, layer by layer")
    .argument("<folder>", 'what "fixynn freeze" wrote, or a run')
    .addOption(
      new Option("--tier <tier>", "structural: count cells; synthesized: map with Yosys and ABC beside it")
        .choices(["structural", "synthesized"])
        .default("structural"),
    )
    .option("--liberty <file...>", "Liberty files of the library to map to (.lib, .lib.gz)")
    .option("--technology <name>", "technology table: a shipped one, or a file", "sky130hd")
    .option("--clock <MHz>", "clock that the slack is for; default the one the Verilog was made for", Number)
    .option("--through <layer>", "freeze point, where a run has several")
    .addOption(
      new Option("--engine <engine>", "Yosys to map with; auto: the native one when present, else npm's")
        .choices(["auto", "native", "wasm"])
        .default("auto"),
    )
    .option("--threads <n>", "runs of Yosys at the same time", Number, 2)
    .option("--timeout <seconds>", "for each layer; then its structural figure stands", Number, 900)
    .option("--json", "print JSON", false)
    .action((folder: string, options: CostOptions) => runCost(folder, options));
}
