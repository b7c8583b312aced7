import { resolve } from "node:path";
import { Command } from "commander";
import { loadConfig, runFlow } from "../flow/index.js";
import { createProgressPrinter } from "./progress.js";

/** `fixynn sweep`: what freezing costs in accuracy, without the hardware. */
export function sweepCommand(): Command {
  return new Command("sweep")
    .description(
      "retrain and quantize for every dataset and freeze point of the configuration, without hardware",
    )
    .option("-c, --config <file>", "configuration (JSON); without it, the default job")
    .option("-o, --out <folder>", "run directory; a sweep that was stopped there goes on", "runs/sweep")
    .option("--json", "print results.json instead of the tables", false)
    .action(async (options: { config?: string; out: string; json: boolean }) => {
      const progress = createProgressPrinter();
      const { config, baseFolder } = loadConfig(options.config);
      const outcome = await runFlow({
        ...{ config, baseFolder, folder: resolve(options.out), onProgress: progress, hardware: false },
      });
      progress.end();
      process.stdout.write(options.json ? `${JSON.stringify(outcome.results, null, 2)}\n` : outcome.summary);
      if (!options.json)
        process.stdout.write(`\nReport: ${outcome.reportPath}\nResults: ${outcome.resultsPath}\n`);
    });
}
