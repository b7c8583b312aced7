import { resolve } from "node:path";
import { Command } from "commander";
import { sharedPath } from "../bench/photos.js";
import { FixynnError } from "../src/core/index.js";
import { engineUnits } from "../src/cost/index.js";
import { calibrateArea } from "./area-calibration.js";
import { reproduceEngine } from "./engine.js";
import { reproducePaper } from "./paper.js";
import { reproduceTransfer } from "./transfer.js";

/** `npm run reproduce -- NAME`: regenerate a page of docs/results. */
const program = new Command("reproduce").description("regenerate a page of docs/results");
program
  .command("transfer")
  .description("transfer learning on frozen fronts: docs/results/transfer.md")
  .option("--quick", "subsets and single epochs, to check the whole path in minutes", false)
  .option("--finished", "train nothing: write the page of the sweeps that are finished", false)
  .option("--out <folder>", "folder of the page and its plots", "docs/results")
  .option("--runs <folder>", "where runs are kept; what was stopped there goes on", "runs/transfer")
  .action(async (options: { quick: boolean; finished: boolean; out: string; runs: string }) => {
    const path = await reproduceTransfer({
      quick: options.quick,
      onlyFinished: options.finished,
      out: resolve(options.out),
      runs: resolve(options.runs),
    });
    process.stdout.write(`${path}\n`);
  });
program
  .command("engine")
  .description("area and energy of the programmable engine: technologies/engine")
  .argument("[technologies...]", "default: all whose libraries are shared")
  .option("--libraries <folder>", "folder of the Liberty files; default: the shared one")
  .option("--cache <folder>", "where mapped modules are kept", "runs/engine")
  .option("--units <units...>", "units that alone have changed; other figures, and the checks, stay")
  .action(async (names: string[], options: { libraries?: string; cache: string; units?: string[] }) => {
    const units = options.units?.map((name) => engineUnits.find((unit) => unit === name));
    if (units?.includes(undefined))
      throw new FixynnError("FX9012", `units are ${engineUnits.join(", ")}`, { place: "--units" });
    const paths = await reproduceEngine({
      ...options,
      units: units?.flatMap((unit) => unit ?? []),
      cache: resolve(options.cache),
      technologies: names.length > 0 ? names : undefined,
      log: (line) => process.stderr.write(`${line}\n`),
    });
    for (const path of paths) process.stdout.write(`${path}\n`);
  });
program
  .command("paper")
  .description("the paper's figures, corrected and at equal area: docs/results/paper.md")
  .option("--quick", "the folded front alone, without the parallel one", false)
  .option(
    "--page-only",
    "compute nothing: write the page and draw its figures from the kept paper.json",
    false,
  )
  .option("--freeze-point <layer>", "partly frozen front; default: what docs/results/transfer.md allows")
  .option("--out <folder>", "folder of the page and its figures", "docs/results")
  .option("--runs <folder>", "where compiled fronts are kept", "runs/paper")
  .action(
    async (options: {
      quick: boolean;
      pageOnly: boolean;
      freezePoint?: string;
      out: string;
      runs: string;
    }) => {
      const path = await reproducePaper({
        ...options,
        out: resolve(options.out),
        runs: resolve(options.runs),
      });
      process.stdout.write(`${path}\n`);
    },
  );
program
  .command("area-calibration")
  .description("area of counted cells after mapping: technologies/calibration/area.json")
  .option("--liberty <file...>", "Liberty files of the library", [sharedPath("tech", "sky130hd_tt.lib.gz")])
  .option("--technology <name>", "technology table of that library", "sky130hd")
  .option(
    "--keras <file>",
    "float MobileNetV1-0.25 of Keras",
    sharedPath("models", "mobilenet_v1_025_224_keras", "mobilenet_v1_0.25_224.h5"),
  )
  .option("--out <file>", "where the factors go; default the file that ships")
  .action(async (options: { liberty: string[]; technology: string; keras: string; out?: string }) => {
    const { factors, residuals } = await calibrateArea({
      ...options,
      onProgress: ({ done, total, unit }) => process.stderr.write(`mapped ${done} of ${total} ${unit}\n`),
    });
    process.stdout.write(`${JSON.stringify({ factors, residuals }, null, 2)}\n`);
  });

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const text = error instanceof FixynnError ? error.oneLine() : String((error as Error).stack ?? error);
  process.stderr.write(`reproduce: ${text}\n`);
  process.exitCode = error instanceof FixynnError ? 2 : 1;
}
