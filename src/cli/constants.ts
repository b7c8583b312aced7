import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { constantsCurve, loadConfig } from "../flow/index.js";
import { createProgressPrinter } from "./progress.js";

/** Read `0.8,0.6`; the configuration's schema checks the same bounds. */
function budgetsOf(text: string): number[] {
  const budgets = text.split(",").map(Number);
  if (budgets.every((share) => share > 0 && share <= 1)) return budgets;
  throw new InvalidArgumentError("give shares above 0, at most 1, with commas between: 0.8,0.6");
}

type ConstantsOptions = {
  readonly config?: string;
  readonly out: string;
  readonly budgets?: number[];
  readonly through?: string;
  readonly dataset?: string;
  readonly json: boolean;
};

/** `fixynn constants`: what cheaper constants of the front save in adders and cost in accuracy. */
export function constantsCommand(): Command {
  return new Command("constants")
    .description(
      "drop signed digits of the frozen weights, retrain the tail: adders saved against accuracy lost",
    )
    .option("-c, --config <file>", "configuration (JSON); without it, the default job")
    .option("-o, --out <folder>", "run directory; what was stopped there goes on", "runs/constants")
    .option("--budgets <shares>", "shares of the digits that may stay, such as 0.8,0.6,0.5", budgetsOf)
    .option("--through <layer>", "freeze point; default: the deepest of the configuration")
    .option("--dataset <name>", "dataset of the configuration; default: the first")
    .option("--json", "print constants.json instead of the table", false)
    .action(async (options: ConstantsOptions) => {
      const progress = createProgressPrinter();
      const { config, baseFolder } = loadConfig(options.config);
      const { budgets, through: freezePoint, dataset } = options;
      const constants = {
        ...config.constants,
        ...(budgets && { budgets }),
        ...(freezePoint !== undefined && { freezePoint }),
        ...(dataset !== undefined && { dataset }),
      };
      const outcome = await constantsCurve({
        ...{
          config: { ...config, constants },
          baseFolder,
          folder: resolve(options.out),
          onProgress: progress,
        },
      });
      progress.end();
      process.stdout.write(options.json ? `${JSON.stringify(outcome.results, null, 2)}\n` : outcome.summary);
      if (!options.json)
        process.stdout.write(`\nPage: ${outcome.summaryPath}\nResults: ${outcome.resultsPath}\n`);
    });
}
