import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { FixynnError } from "../core/index.js";
import { nativeEngine, readCellLibrary, wasmEngine } from "../cost/index.js";
import { costDeliverable } from "../flow/index.js";
import { areaLines, energyLines, timingLines } from "./cost-text.js";
import { createProgressPrinter } from "./progress.js";

type CostOptions = {
  readonly tier: "structural" | "synthesized";
  readonly liberty?: readonly string[];
  readonly technology?: string;
  readonly clock?: number;
  readonly through?: string;
  readonly engine: "auto" | "native" | "wasm";
  readonly threads: number;
  readonly timeout: number;
  readonly energy: boolean;
  readonly images?: string;
  readonly count: number;
  readonly windows?: number;
  readonly cycles?: number;
  readonly json: boolean;
};

/** Read a whole number from 1 on. */
function positive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("give a whole number from 1 on");
}

async function runCost(folder: string, options: CostOptions): Promise<void> {
  const { tier, liberty, technology, clock, through, threads, timeout, images, count, windows, cycles } =
    options;
  if (tier === "synthesized" && liberty === undefined) {
    throw new FixynnError("FX7070", "no Liberty file", {
      place: "--liberty",
      hint: "name the library's .lib files: --tier synthesized --liberty cells.lib",
    });
  }
  const mapping = tier === "synthesized" && {
    library: readCellLibrary((liberty ?? []).map((file) => resolve(file))),
    engine: { auto: undefined, native: nativeEngine, wasm: wasmEngine }[options.engine],
    timeoutSeconds: timeout,
  };
  const pictures = images === undefined ? undefined : resolve(images);
  const progress = createProgressPrinter();
  const cost = await costDeliverable({
    ...{ folder: resolve(folder), through, technology, clockMhz: clock, threads, onProgress: progress },
    ...(mapping && { mapping }),
    ...(options.energy && { energy: { pictures, count, windows, cycles } }),
  });
  progress.end();
  if (options.json) {
    process.stdout.write(`${JSON.stringify(cost)}\n`);
    return;
  }
  const { library, layers, clockMhz } = cost;
  const lines = [
    `Area, um2 of cells, memories excluded${library === undefined ? "" : `; ${library.join(", ")}`}`,
    ...areaLines(layers),
    ...(library === undefined ? [] : ["", ...timingLines(layers, clockMhz)]),
    ...(cost.energy === undefined ? [] : ["", ...energyLines(cost)]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** `fixynn cost`: area and energy of a frozen front, layer by layer, by counting or by mapping to a library; timing of the mapped netlists. */
export function costCommand(): Command {
  return new Command("cost")
    .description("area, energy and timing of emitted Verilog, layer by layer")
    .argument("<folder>", 'what "fixynn freeze" wrote, or a run')
    .addOption(
      new Option("--tier <tier>", "structural: count cells; synthesized: map with Yosys and ABC beside it")
        .choices(["structural", "synthesized"])
        .default("structural"),
    )
    .option("--liberty <file...>", "Liberty files of the library to map to (.lib, .lib.gz)")
    .option("--technology <name>", "technology table: a shipped one, or a file; default a run's, or sky130hd")
    .option("--clock <MHz>", "clock of slack and energy; default the one the Verilog was made for", Number)
    .option("--through <layer>", "freeze point, where a run has several")
    .addOption(
      new Option("--engine <engine>", "Yosys to map with; auto: the native one when present, else npm's")
        .choices(["auto", "native", "wasm"])
        .default("auto"),
    )
    .option(
      "--images <folder>",
      "pictures to measure energy on; default a run's test images, or the testbench's",
    )
    .option("--count <n>", "pictures of that folder, at most", positive, 16)
    .option(
      "--windows <n>",
      "windows of a layer's frame that are simulated; default a run's, or 16",
      positive,
    )
    .option("--cycles <n>", "clock cycles of a window; default a run's, or 3", positive)
    .option("--no-energy", "area and timing only, without simulation")
    .option("--threads <n>", "runs of Yosys, or simulations, at the same time", positive, 2)
    .option("--timeout <seconds>", "for each layer; then its structural figure stands", Number, 900)
    .option("--json", "print JSON", false)
    .action((folder: string, options: CostOptions) => runCost(folder, options));
}
