import { Command, Option } from "commander";
import { FixynnError } from "../core/index.js";
import {
  type FoldingForm,
  type ProgrammableKind,
  parseFolding,
  parseRequantization,
  type RequantizationForm,
} from "../explore/index.js";
import { runExploration } from "../flow/index.js";
import { createProgressPrinter } from "./progress.js";

type Options = {
  readonly out?: string;
  readonly technology?: string;
  readonly freeze?: readonly string[];
  readonly folding?: readonly string[];
  readonly requantization?: readonly string[];
  readonly period?: readonly string[];
  readonly clock?: readonly string[];
  readonly accelerator?: readonly string[];
  readonly programmable: ProgrammableKind;
  readonly rate?: readonly string[];
  readonly maxLoss?: string;
  readonly maxArea?: string;
  readonly full: boolean;
  readonly threads?: string;
  readonly json: boolean;
};

function numberOf(text: string, place: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new FixynnError("FX7092", "no number", { place: `${place} ${text}` });
}

const numbersOf = (
  texts: readonly string[] | undefined,
  place: string,
  scale = 1,
): readonly number[] | undefined => texts?.map((text) => scale * numberOf(text, place));

const optional = (text: string | undefined, place: string, scale = 1): number | undefined =>
  text === undefined ? undefined : scale * numberOf(text, place);

function threadsOf(text: string | undefined): number | undefined {
  const threads = optional(text, "--threads");
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= 64)) return threads;
  throw new FixynnError("FX7092", "not 1 to 64 threads", { place: `--threads ${text}` });
}

/** `fixynn explore`: which of the many ways to freeze a network to build. */
export function exploreCommand(): Command {
  return new Command("explore")
    .description(
      "combine freeze points, foldings, requantizations, clocks and accelerator sizes; find Pareto fronts and knees",
    )
    .argument("[run-or-config]", "folder of a run or a sweep, or a configuration; default: the default job's")
    .option("-o, --out <folder>", "where results go; default: the run's folder, or runs/explore")
    .option("--max-loss <points>", "allow so many percentage points of accuracy to be lost on any task")
    .option("--max-area <mm2>", "allow so much area, front and accelerator together, at 16 nm")
    .option("--freeze <layer...>", "explore these freeze points only")
    .option("--folding <form...>", "none, auto, auto:CYCLES, keep:WEIGHTS")
    .option("--requantization <form...>", "own, shift, lean1, lean2, lean3, tflite")
    .option("--period <ns...>", "clock periods that registers are inserted for, in the technology")
    .option("--clock <share...>", "shares of the clock that the cells allow, up to 1")
    .option("--accelerator <mm2...>", "areas that the programmable accelerator may take, at 16 nm")
    .option(
      "--rate <fps...>",
      "frame rates of a camera, to describe designs at; default: the configuration's",
    )
    .addOption(
      new Option(
        "--programmable <kind>",
        "accelerator for the rest: the generated engine, or NVDLA's published points",
      )
        .choices(["array", "nvdla"])
        .default("array"),
    )
    .option("--technology <name>", "a shipped technology, or a file; default: the configuration's")
    .option("--full", "combine everything with everything, however long it takes", false)
    .option("--threads <n>", "worker threads; default: the configuration's")
    .option("--json", "print explore.json instead of the tables", false)
    .action(async (source: string | undefined, options: Options) => {
      const progress = createProgressPrinter();
      const foldings: readonly FoldingForm[] | undefined = options.folding?.map(parseFolding);
      const requantizations: readonly RequantizationForm[] | undefined =
        options.requantization?.map(parseRequantization);
      const { results, summary, htmlPath } = await runExploration({
        ...{ source, out: options.out, technology: options.technology, onProgress: progress },
        space: {
          ...{ freezePoints: options.freeze, foldings, requantizations },
          periodsPs: numbersOf(options.period, "--period", 1000),
          clockShares: numbersOf(options.clock, "--clock"),
          programmable: options.programmable,
          cameraFramesPerSecond: numbersOf(options.rate, "--rate"),
          acceleratorsMm2: numbersOf(options.accelerator, "--accelerator"),
          ...(options.full ? { isFull: true, mostParallelWeights: Number.MAX_SAFE_INTEGER } : {}),
        },
        bounds: {
          maxLoss: optional(options.maxLoss, "--max-loss", 0.01),
          maxAreaMm2: optional(options.maxArea, "--max-area"),
        },
        threads: threadsOf(options.threads),
      });
      progress.end();
      process.stdout.write(options.json ? `${JSON.stringify(results)}\n` : `${summary}\nPage: ${htmlPath}\n`);
    });
}
