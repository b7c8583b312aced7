import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import { type Module, printVerilog, verilogLibrary } from "../../src/hw/index.js";
import { requireTool } from "./environment.js";

/** Print modules and have Verilator lint them, the last one the top, all warnings on. */
export function lintModules(context: TestContext, modules: readonly Module[]): void {
  const verilator = requireTool(context, "verilator");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-unit-"));
  try {
    const byName = new Map(modules.map((module) => [module.name, module]));
    const texts = modules.map((module): [string, string] => [
      `${module.name}.sv`,
      printVerilog(module, byName),
    ]);
    const all = texts.map(([, text]) => text).join("\n");
    const library = [...verilogLibrary].filter(([name]) => all.includes(name.replace(".sv", "")));
    for (const [name, text] of [...texts, ...library]) writeFileSync(join(folder, name), text);
    const sources = [...library, ...texts].map(([name]) => name);
    const top = modules.at(-1)!.name;
    const options = ["--lint-only", "-Wall", "--timing", ...sources, "--top-module", top];
    expect(spawnSync(verilator, options, { cwd: folder, encoding: "utf8" }).stderr).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
