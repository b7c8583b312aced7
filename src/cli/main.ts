#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { CheckFailedError, FixynnError, packageRoot } from "../core/index.js";
import { adviseCommand } from "./advise.js";
import { constantsCommand } from "./constants.js";
import { costCommand } from "./cost.js";
import { dataCommand } from "./data.js";
import { exploreCommand } from "./explore.js";
import { exportCommand } from "./export.js";
import { freezeCommand } from "./freeze.js";
import { importCommand } from "./import.js";
import { normalizationCommand } from "./normalization.js";
import { programCommand } from "./program.js";
import { runCommand } from "./run.js";
import { sweepCommand } from "./sweep.js";
import { techCommand } from "./tech.js";
import { trainBackboneCommand } from "./train-backbone.js";
import { verifyCommand } from "./verify.js";

const EXIT_CHECK_FAILED = 1;
const EXIT_BAD_INPUT = 2;

function createProgram(): Command {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    version: string;
    description: string;
  };
  const program = new Command("fixynn").description(manifest.description).version(manifest.version);
  program.addCommand(runCommand(), { isDefault: true });
  program.addCommand(sweepCommand());
  program.addCommand(constantsCommand());
  program.addCommand(adviseCommand());
  program.addCommand(exploreCommand());
  program.addCommand(normalizationCommand());
  program.addCommand(importCommand());
  program.addCommand(exportCommand());
  program.addCommand(freezeCommand());
  program.addCommand(verifyCommand());
  program.addCommand(programCommand());
  program.addCommand(costCommand());
  program.addCommand(dataCommand());
  program.addCommand(techCommand());
  program.addCommand(trainBackboneCommand());
  throwOnExit(program);
  return program;
}

/** Let a command, and those below it, throw where it would end the process, so that {@link report} chooses the exit code. */
function throwOnExit(command: Command): void {
  command.exitOverride();
  for (const below of command.commands) throwOnExit(below);
}

/** Say what went wrong, and return the exit code: 1 for a failed check or a bug, 2 for bad input. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
  if (error instanceof FixynnError) {
    process.stderr.write(`fixynn: ${error.oneLine()}\n`);
    return error instanceof CheckFailedError ? EXIT_CHECK_FAILED : EXIT_BAD_INPUT;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`fixynn: this is a bug of fixynn, please report it\n${text}\n`);
  return EXIT_CHECK_FAILED;
}

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}
