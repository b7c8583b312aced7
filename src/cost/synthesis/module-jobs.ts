import { FixynnError } from "../../core/index.js";
import { blackBox, splitModules, type VerilogModule } from "../../sim/index.js";
import { rippleInterface } from "./script.js";

/** One module to map, with the text that Yosys needs for it. */
export type ModuleJob = {
  readonly module: string;
  readonly verilog: string;
  /** Modules that it instantiates and that are mapped on their own. */
  readonly children: readonly string[];
};

/** Library modules that our own code knows as cells. */
const ownCells: ReadonlySet<string> = new Set(["fx_full_adders", "fx_half_adders", "fx_ram"]);

/**
 * Divide a layer into modules that are mapped one by one: modules with parameters (faster adders) become part of the module that uses them,
 * the others are black boxes to it, mapped once however often they stand there.
 *
 * @returns instantiated modules before those that use them; the layer's own is the last
 * @throws FixynnError FX6002 for a missing module, FX6020 for two of one name
 */
export function moduleJobs(files: ReadonlyMap<string, string>, top: string): readonly ModuleJob[] {
  const modules = splitModules(files);
  const jobs: ModuleJob[] = [];
  const done = new Set<string>();
  const moduleOf = (name: string): VerilogModule => {
    const module = modules.get(name);
    if (module === undefined) throw new FixynnError("FX6002", "no such module in the files", { place: name });
    return module;
  };
  const visit = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const module = moduleOf(name);
    const parts = new Map<string, string>();
    const children: string[] = [];
    const include = (used: string): void => {
      if (parts.has(used)) return;
      const other = moduleOf(used);
      if (!other.hasParameters || ownCells.has(used)) {
        parts.set(used, blackBox(other));
        if (!ownCells.has(used)) children.push(used);
        return;
      }
      parts.set(used, other.text);
      for (const below of other.uses) include(below);
    };
    for (const used of module.uses) include(used);
    for (const child of children) visit(child);
    const verilog = [rippleInterface, ...parts.values(), module.text].join("\n");
    jobs.push({ module: name, verilog, children });
  };
  visit(top);
  return jobs;
}
