import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CheckFailedError, FixynnError } from "../core/index.js";
import { type GroupOutcome, runInGroup } from "./process-group.js";

/** Flags for short runs: compiling optimized C++ takes longer than running it slowly. Verilator's makefile puts its own level behind `-CFLAGS`. */
export const SHORT_RUNS = ["-MAKEFLAGS", "OPT_FAST=-O0 OPT_GLOBAL=-O0", "-CFLAGS", "-O0"] as const;

export type VerilatorBuildOptions = {
  /** Folder that the testbench runs in: it finds its vectors there. Also the default place of the sources. */
  readonly folder: string;
  /** Testbench module. */
  readonly top: string;
  /** Source files relative to `folder`; default every `.sv` and `.v` file in it. */
  readonly sources?: readonly string[];
  /** Further flags of Verilator, such as `--assert` (then concurrent assertions are checked) or `-GNAME=VALUE`. */
  readonly flags?: readonly string[];
  /** For building and for running, each; default 600. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
};

export type VerilatorOptions = VerilatorBuildOptions & {
  /** Arguments of the testbench, such as `+stall=0`. */
  readonly plusargs?: readonly string[];
};

export type VerilatorVerdict = {
  /** Whether the testbench said PASS and ended with exit code 0. */
  readonly passed: boolean;
  /** The last of what it printed. */
  readonly output: string;
  readonly buildSeconds: number;
  readonly runSeconds: number;
};

/** A testbench that is built and can run several times. */
export type VerilatorBuild = {
  readonly buildSeconds: number;
  /** Run it in its folder with arguments such as `+stall=0`; several may run at once. */
  run(plusargs?: readonly string[]): Promise<VerilatorVerdict>;
  /** Delete what was built. */
  dispose(): void;
};

async function execute(
  command: string,
  args: readonly string[],
  cwd: string,
  { timeoutSeconds = 600, signal }: VerilatorBuildOptions,
): Promise<GroupOutcome> {
  const outcome = await runInGroup(command, args, { cwd, timeoutSeconds, signal });
  switch (outcome.ended) {
    case "missing": {
      const hint = "install Verilator 5, or verify with the built-in simulator";
      throw new FixynnError("FX9002", `${command} is not on the PATH`, { hint });
    }
    case "timeout":
      throw new FixynnError("FX6022", `${command}: no result after ${timeoutSeconds} s`, { place: cwd });
    case "aborted":
      throw signal?.reason;
    default:
      return outcome;
  }
}

/**
 * Build a testbench by Verilator 5 (`--binary`, with timing), to be run any number of times. Call `dispose` at the end.
 *
 * @throws FixynnError FX9002 without Verilator, FX6022 when it takes too long; CheckFailedError FX6040 when it does not build
 */
export async function buildVerilator(options: VerilatorBuildOptions): Promise<VerilatorBuild> {
  const folder = resolve(options.folder);
  const found = options.sources ?? readdirSync(folder).filter((file) => /\.s?v$/.test(file));
  const sources = found.map((file) => join(folder, file));
  const build = mkdtempSync(join(tmpdir(), "fixynn-verilator-"));
  const dispose = (): void => rmSync(build, { recursive: true, force: true, maxRetries: 5 });
  try {
    const flags = ["--binary", "--timing", "-Wno-fatal", "-O3", "-j", "2", "--Mdir", build];
    flags.push(...(options.flags ?? []), "--top-module", options.top, "-o", "testbench");
    const built = await execute("verilator", [...flags, ...sources], folder, options);
    if (built.code !== 0) {
      const cause =
        built.output.split("\n").find((line) => line.startsWith("%Error")) ?? built.output.slice(-300);
      throw new CheckFailedError("FX6040", `Verilator does not build the testbench: ${cause.trim()}`, {
        place: folder,
      });
    }
    const run = async (plusargs: readonly string[] = []): Promise<VerilatorVerdict> => {
      const ran = await execute(join(build, "testbench"), plusargs, folder, options);
      const passed = ran.code === 0 && /\bPASS\b/.test(ran.output) && !/\bFAIL\b/.test(ran.output);
      return { passed, output: ran.output, buildSeconds: built.seconds, runSeconds: ran.seconds };
    };
    return { buildSeconds: built.seconds, run, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/**
 * Build a testbench as {@link buildVerilator} does and run it once. It must print a line with the word PASS and
 * none with FAIL, and end with exit code 0 (`$fatal` does not).
 *
 * @throws FixynnError FX9002 without Verilator, FX6022 when it takes too long; CheckFailedError FX6040 when it does not build
 */
export async function runVerilator(options: VerilatorOptions): Promise<VerilatorVerdict> {
  const build = await buildVerilator(options);
  try {
    return await build.run(options.plusargs);
  } finally {
    build.dispose();
  }
}
