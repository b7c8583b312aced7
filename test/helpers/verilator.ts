import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import {
  buildVerilator,
  type VerilatorBuild,
  type VerilatorBuildOptions,
  type VerilatorVerdict,
} from "../../src/sim/index.js";
import { requireTool } from "./environment.js";

/** Sources and vectors of a simulation, by file name. */
export type Files = Iterable<readonly [name: string, text: string]>;

/** A build whose vectors can be replaced from run to run. */
export type FilesBuild = VerilatorBuild & {
  /** Write files that the testbench reads when it runs. */
  write(files: Files): void;
};

const isSource = (name: string): boolean => name.endsWith(".sv");

function writeAll(folder: string, files: Files): void {
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
}

/** Lint all sources of the files by Verilator, all warnings on: it must say nothing. */
export function lintFiles(
  context: TestContext,
  files: Files,
  top: string,
  flags: readonly string[] = [],
): void {
  const verilator = requireTool(context, "verilator");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-lint-"));
  try {
    writeAll(folder, files);
    const sources = Array.from(files, ([name]) => name).filter(isSource);
    const options = ["--lint-only", "-Wall", "--timing", ...flags, ...sources, "--top-module", top];
    expect(spawnSync(verilator, options, { cwd: folder, encoding: "utf8" }).stderr).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type BuildOptions = Pick<VerilatorBuildOptions, "flags" | "timeoutSeconds">;

/** Build a testbench in a folder of its own by Verilator; `dispose` deletes the folder, too. */
export async function buildFiles(files: Files, top: string, options: BuildOptions = {}): Promise<FilesBuild> {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-testbench-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    writeAll(folder, files);
    const build = await buildVerilator({ folder, top, ...options });
    return {
      ...build,
      write: (vectors) => writeAll(folder, vectors),
      dispose: () => {
        build.dispose();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Build a testbench as {@link buildFiles} does and run it once. */
export async function runFiles(
  files: Files,
  top: string,
  options: BuildOptions = {},
): Promise<VerilatorVerdict> {
  const build = await buildFiles(files, top, options);
  try {
    return await build.run();
  } finally {
    build.dispose();
  }
}
