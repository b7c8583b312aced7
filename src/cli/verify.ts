import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { CheckFailedError, FixynnError } from "../core/index.js";
import { verifyDeliverable } from "../flow/index.js";
import { TESTBENCH_MODULE } from "../hw/index.js";
import { runVerilator } from "../sim/index.js";
import { createProgressPrinter } from "./progress.js";

type VerifyOptions = {
  readonly images?: string;
  readonly count: number;
  readonly whole?: number;
  readonly threads: number;
  readonly timeout: number;
  readonly json: boolean;
};

/** Build and run the shipped testbench in Verilator, the independent judge. */
async function verifyByVerilator(place: string, { timeout }: VerifyOptions): Promise<void> {
  if (!existsSync(join(place, `${TESTBENCH_MODULE}.sv`))) {
    const hint = "freeze with --images, or give --images here to simulate every layer";
    throw new FixynnError("FX7017", "no testbench in this folder", { place, hint });
  }
  const verdict = await runVerilator({ folder: place, top: TESTBENCH_MODULE, timeoutSeconds: timeout });
  process.stdout.write(verdict.output);
  if (!verdict.passed)
    throw new CheckFailedError("FX6101", "the testbench does not pass in Verilator", { place });
  const { buildSeconds, runSeconds } = verdict;
  process.stdout.write(
    `Verilator: built in ${buildSeconds.toFixed(0)} s, run in ${runSeconds.toFixed(0)} s\n`,
  );
}

async function verifyOnPictures(folder: string, images: string, options: VerifyOptions): Promise<void> {
  const progress = createProgressPrinter();
  const { count, whole = count, threads } = options;
  const verdict = await verifyDeliverable({
    folder,
    images: resolve(images),
    count,
    whole,
    threads,
    onProgress: progress,
  });
  progress.end();
  const { values, mismatches, layers } = verdict;
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ images: verdict.images, values, mismatches, cyclesPerFrame: verdict.cyclesPerFrame, layers, whole: verdict.whole })}\n`,
    );
  } else {
    for (const layer of [
      ...layers,
      ...(verdict.whole === null ? [] : [{ ...verdict.whole, node: "all, linked" }]),
    ]) {
      process.stdout.write(
        `${layer.node.padEnd(28)} ${`${layer.values}`.padStart(10)} values ${`${layer.mismatches}`.padStart(6)} mismatches ` +
          `${`${layer.cyclesPerFrame}`.padStart(8)} cycles a frame ${layer.seconds.toFixed(1).padStart(6)} s\n`,
      );
    }
    process.stdout.write(`${verdict.images} pictures, ${values} values, ${mismatches} mismatches\n`);
  }
  if (mismatches > 0) {
    const first = layers.find((layer) => layer.firstMismatch !== null);
    throw new CheckFailedError(
      "FX6100",
      `${mismatches} of ${values} values differ from the integer network`,
      {
        place:
          first === undefined
            ? folder
            : `layer ${first.node}, first at ${JSON.stringify(first.firstMismatch)}`,
      },
    );
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new FixynnError("FX7014", `${text} is no natural number`);
  return value;
}

/** `fixynn verify`: emitted Verilog against the integer network on pictures, or its testbench in Verilator. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description(
      "simulate emitted Verilog on pictures and compare every value; without pictures, run its testbench in Verilator",
    )
    .argument("<folder>", "e.g. runs/default/rtl/conv_pw_3, or what freeze has written")
    .option("--images <folder>", "pictures to run")
    .option("--count <n>", "at most so many pictures", positive, 16)
    .option("--whole <n>", "at most so many also through the linked top; default all, 0 for none", positive)
    .option("--threads <n>", "worker threads", positive, 2)
    .option("--timeout <seconds>", "Verilator: for building and for running, each", Number, 600)
    .option("--json", "print JSON", false)
    .action(async (folder: string, options: VerifyOptions) => {
      const place = resolve(folder);
      if (options.images === undefined) await verifyByVerilator(place, options);
      else await verifyOnPictures(place, options.images, options);
    });
}
