import { resolve } from "node:path";
import { Command } from "commander";
import { loadConfig, normalizationText, runNormalization } from "../flow/index.js";
import { createProgressPrinter } from "./progress.js";

type Options = { readonly config?: string; readonly out: string; readonly json: boolean };

/** `fixynn normalization`: what registers for scale and bias of frozen layers gain and cost. */
export function normalizationCommand(): Command {
  return new Command("normalization")
    .description("compare plain freezing with programmable normalization: accuracy gained, silicon paid")
    .option("-c, --config <file>", "configuration (JSON); without it, the default job")
    .option("-o, --out <folder>", "run directory; what was stopped there goes on", "runs/normalization")
    .option("--json", "print JSON instead of the tables", false)
    .action(async (options: Options) => {
      const progress = createProgressPrinter();
      const { config, baseFolder } = loadConfig(options.config);
      const results = await runNormalization({
        ...{ config, baseFolder, folder: resolve(options.out), onProgress: progress },
      });
      progress.end();
      process.stdout.write(
        options.json ? `${JSON.stringify(results, null, 2)}\n` : normalizationText(results),
      );
    });
}
