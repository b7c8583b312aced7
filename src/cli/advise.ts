import { resolve } from "node:path";
import { Command } from "commander";
import {
  adviceText,
  adviseFlow,
  compareAdvice,
  comparisonText,
  loadConfig,
  readResults,
} from "../flow/index.js";
import { createProgressPrinter } from "./progress.js";

type Options = {
  readonly config?: string;
  readonly out: string;
  readonly images: number;
  readonly sweep?: string;
  readonly json: boolean;
};

/** `fixynn advise`: rank the freeze points without training. */
export function adviseCommand(): Command {
  return new Command("advise")
    .description("rank the freeze points of a configuration for each of its datasets, without training")
    .option("-c, --config <file>", "configuration (JSON) of the sweep; without it, the default job")
    .option("-o, --out <folder>", "run directory; what is known there is not computed again", "runs/advise")
    .option("--images <count>", "training images of each dataset to look at", Number, 2000)
    .option("--sweep <file>", "results.json of a sweep: print how well the advice predicted it")
    .option("--json", "print JSON instead of the tables", false)
    .action(async (options: Options) => {
      const progress = createProgressPrinter();
      const { config, baseFolder } = loadConfig(options.config);
      const results = options.sweep === undefined ? undefined : readResults(options.sweep);
      const advice = await adviseFlow({
        ...{ config, baseFolder, folder: resolve(options.out), images: options.images, onProgress: progress },
      });
      progress.end();
      const comparison = results === undefined ? undefined : compareAdvice(results, advice);
      const text = (): string =>
        [adviceText(advice), ...(comparison === undefined ? [] : [comparisonText(comparison)])].join("\n");
      process.stdout.write(options.json ? `${JSON.stringify({ ...advice, comparison }, null, 2)}\n` : text());
    });
}
