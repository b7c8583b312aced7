import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINE_MODULE, SYSTEM_MODULE, SYSTEM_TESTBENCH } from "../accel/index.js";
import { FixynnError, joinBytes, sum } from "../core/index.js";
import { emitDesign } from "../hw/index.js";
import { executeQuantNetwork, findQuantNode } from "../quant/index.js";
import type { SystemResult } from "../report/index.js";
import { buildVerilator, SHORT_RUNS } from "../sim/index.js";
import { elementCount } from "../tensor/index.js";
import { type Chip, type ChipImages, chipTestbench } from "./chip.js";

type Judge = NonNullable<SystemResult["judges"]>[number];

/** The most Verilog of a whole chip that Verilator compiles in about a minute; of larger chips it judges the engine alone. */
const MOST_VERILOG_CHARACTERS = 1_000_000;

/** Name and version of Verilator, or undefined where it is not installed. */
export function verilatorName(): string | undefined {
  const { stdout, status } = spawnSync("verilator", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split(" ").slice(0, 2).join(" ") : undefined;
}

/** What the front gives for images, as it comes in at the engine: pixel after pixel, signed values plus 128. */
function frontBytes({ freezePoint, tasks }: Chip, images: readonly ChipImages[]): Uint8Array {
  return joinBytes(
    tasks.map(({ network, program: { input } }, i) => {
      const { bytes, count } = images[i]!;
      const values = executeQuantNetwork(network, bytes, count, { outputs: [freezePoint] }).get(freezePoint)!;
      const offset = input.kind === "stream" && input.signed ? 128 : 0;
      return Uint8Array.from(values, (value) => value + offset);
    }),
  );
}

/** The engine alone, with a testbench that feeds it what the front gives. */
function engineFiles(chip: Chip, images: readonly ChipImages[]): ReadonlyMap<string, string> {
  const stream = { beatBytes: chip.config.input!.channels, bytes: frontBytes(chip, images) };
  return new Map([...emitDesign(chip.engine.design), ...chipTestbench(chip, ENGINE_MODULE, stream, images)]);
}

/**
 * Have Verilator run the chip's testbench: with the front where that is small enough, else the engine alone behind the bytes that the front gives.
 *
 * @param files the chip's, with its testbench for `images`
 * @param timeoutSeconds for building and running, each; what takes longer is given up, and said so
 * @returns undefined where Verilator is not installed
 */
export async function judgeByVerilator(
  chip: Chip,
  files: ReadonlyMap<string, string | Uint8Array>,
  images: readonly ChipImages[],
  timeoutSeconds: number,
): Promise<Judge | undefined> {
  const simulator = verilatorName();
  if (simulator === undefined) return undefined;
  const verilog = sum([...files].map(([name, text]) => (name.endsWith(".sv") ? text.length : 0)));
  const part: Judge["part"] = verilog <= MOST_VERILOG_CHARACTERS ? "chip" : "engine";
  const sources = part === "chip" ? files : engineFiles(chip, images);
  const about = {
    ...{ simulator, part, module: part === "chip" ? SYSTEM_MODULE : ENGINE_MODULE },
    images: sum(images.map(({ count }) => count)),
    values: sum(
      chip.tasks.map(({ network }, i) => {
        const { shape } = findQuantNode(network, network.output).output;
        return images[i]!.count * elementCount(shape);
      }),
    ),
  };
  const folder = mkdtempSync(join(tmpdir(), "fixynn-judge-"));
  try {
    for (const [name, content] of sources) writeFileSync(join(folder, name), content);
    const build = await buildVerilator({
      ...{ folder, top: SYSTEM_TESTBENCH, timeoutSeconds },
      // Lanes and requantizers stay modules of their own: a third of the C++.
      flags: ["--inline-mult", "2000", ...SHORT_RUNS],
    });
    try {
      const { passed, output } = await build.run();
      return {
        ...about,
        outcome: passed ? "equal" : "different",
        ...(passed ? {} : { detail: lastLine(output) }),
      };
    } finally {
      build.dispose();
    }
  } catch (error) {
    if (!(error instanceof FixynnError && error.code === "FX6022")) throw error;
    return { ...about, outcome: "notFinished", detail: error.message };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The line that says what is wrong. */
const lastLine = (output: string): string =>
  output.split("\n").findLast((line) => /FAIL|%Error/.test(line)) ?? output.trim().slice(-200);
