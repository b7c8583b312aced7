import { Command } from "commander";
import { DEFAULT_MODEL } from "../flow/index.js";
import { trainBackbone } from "../train/index.js";
import { createProgressPrinter } from "./progress.js";

/** `fixynn train-backbone`: train the network that ships with fixynn again. */
export function trainBackboneCommand(): Command {
  return new Command("train-backbone")
    .description("train MobileNetV1-0.25 on CIFAR-100 from scratch; goes on where it was stopped")
    .requiredOption("--data <folder>", "CIFAR-100, binary version: train.bin, test.bin, fine_label_names.txt")
    .option("-o, --out <file>", "model to write; its record is written beside it", DEFAULT_MODEL)
    .option("--side <pixels>", "input height and width", Number, 48)
    .option("--seed <number>", "seed", Number, 1)
    .action(async (options: { data: string; out: string; side: number; seed: number }) => {
      const progress = createProgressPrinter();
      const { record } = await trainBackbone({
        dataFolder: options.data,
        out: options.out,
        side: options.side,
        seed: options.seed,
        checkpointFile: `${options.out}.checkpoint`,
        onProgress: progress,
      });
      progress.end();
      const { top1, testImages } = record.accuracy;
      process.stdout.write(
        `${options.out}: ${(100 * top1).toFixed(2)} % top-1 on ${testImages} test images\n`,
      );
    });
}
