import { resolve } from "node:path";
import { Command } from "commander";
import { CheckFailedError } from "../core/index.js";
import { TESTBENCH_MODULE } from "../hw/index.js";
import { runVerilator } from "../sim/index.js";

/** `fixynn verify`: run an emitted testbench in Verilator, the independent judge. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description("build and run the self-checking testbench of an emitted front in Verilator 5")
    .argument("<folder>", "e.g. runs/default/rtl/conv_pw_3")
    .option("--timeout <seconds>", "for building and for running, each", Number, 600)
    .action(async (folder: string, options: { timeout: number }) => {
      const place = resolve(folder);
      const verdict = await runVerilator({
        folder: place,
        top: TESTBENCH_MODULE,
        timeoutSeconds: options.timeout,
      });
      process.stdout.write(verdict.output);
      if (!verdict.passed)
        throw new CheckFailedError("FX6101", "the testbench does not pass in Verilator", { place });
      const { buildSeconds, runSeconds } = verdict;
      process.stdout.write(
        `Verilator: built in ${buildSeconds.toFixed(0)} s, run in ${runSeconds.toFixed(0)} s\n`,
      );
    });
}
