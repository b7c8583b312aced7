import type { TestContext } from "vitest";
import { type Module, printVerilog, verilogLibrary } from "../../src/hw/index.js";
import { lintFiles } from "./verilator.js";

/** Print modules and have Verilator lint them, the last one the top, all warnings on. */
export function lintModules(context: TestContext, modules: readonly Module[]): void {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const texts = modules.map((module): [string, string] => [
    `${module.name}.sv`,
    printVerilog(module, byName),
  ]);
  const all = texts.map(([, text]) => text).join("\n");
  const library = [...verilogLibrary].filter(([name]) => all.includes(name.replace(".sv", "")));
  lintFiles(context, [...library, ...texts], modules.at(-1)!.name);
}
