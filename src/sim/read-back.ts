import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FixynnError, type ProgressListener, sha256, silent, writeFileAtomic } from "../core/index.js";
import type { SimModule, SimNetlist } from "./ir.js";
import { SIM_JSON_VERSION, simNetlistFromJson, simNetlistToJson } from "./json.js";
import { isPrimitive, primitiveJob, provePrimitive } from "./primitives.js";
import { blackBox, splitModules, type VerilogModule } from "./verilog-split.js";
import { readByYosys, readScript, type YosysJob, type YosysOptions } from "./yosys.js";
import { primitiveModules } from "./yosys-json.js";

export type ReadBackOptions = Omit<YosysOptions, "onJob"> & {
  /** Where read modules are kept, by the hash of their text; nothing is kept without it. */
  readonly cacheFolder?: string;
  readonly onProgress?: ProgressListener;
};

/**
 * Gather what one Yosys run needs to read a module: its text, the text of parameterized modules below it, and the bare
 * interface of every other module that it names.
 */
function jobFor(module: VerilogModule, modules: ReadonlyMap<string, VerilogModule>): YosysJob {
  const parts = new Map<string, string>();
  const include = (name: string): void => {
    if (parts.has(name) || name === module.name) return;
    const used = modules.get(name)!;
    const asText = used.hasParameters && !primitiveModules.has(name);
    parts.set(name, asText ? used.text : blackBox(used));
    if (asText) for (const below of used.uses) include(below);
  };
  for (const name of module.uses) include(name);
  return { top: module.name, verilog: [...parts.values(), module.text].join("\n") };
}

/** Modules to read on their own: the tops and what they reach, but for parameterized ones, which are read where they are used. */
function reachable(tops: readonly string[], modules: ReadonlyMap<string, VerilogModule>): VerilogModule[] {
  const seen = new Set<string>();
  const out: VerilogModule[] = [];
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const module = modules.get(name);
    if (module === undefined) throw new FixynnError("FX6002", "no such module in the files", { place: name });
    for (const used of module.uses) visit(used);
    if (!module.hasParameters || tops.includes(name)) out.push(module);
  };
  for (const top of tops) visit(top);
  return out;
}

/**
 * Read emitted SystemVerilog back by Yosys, an independent reader: one run for each module, so that none is large, then
 * linked by our own code (`flatten`). The adder library cells are one gate a bit in the result; their own text is read too and proven
 * to add.
 *
 * @param topModule module to start from, or several; the first becomes the netlist's top
 * @param files file name → text; other files than `.sv` and `.v` are ignored
 * @throws FixynnError FX6002 for a missing module, FX6006 for an adder cell that does not add, FX6020 for two of one name, and see {@link readByYosys}
 */
export async function readBack(
  files: ReadonlyMap<string, string>,
  topModule: string | readonly string[],
  options: ReadBackOptions = {},
): Promise<SimNetlist> {
  const { cacheFolder, onProgress = silent } = options;
  const modules = splitModules(files);
  const tops = typeof topModule === "string" ? [topModule] : topModule;
  const wanted = reachable(tops, modules);
  const primitives = [...modules.values()].filter(
    (module) => isPrimitive(module) && wanted.some(({ uses }) => uses.includes(module.name)),
  );
  const jobs = [...wanted.map((module) => jobFor(module, modules)), ...primitives.map(primitiveJob)];
  const netlists = new Array<SimNetlist>(jobs.length);
  const paths = jobs.map((job) => {
    const key = sha256(
      [SIM_JSON_VERSION, options.engine ?? "wasm", readScript(job.top), job.verilog].join("\0"),
    );
    return cacheFolder === undefined ? undefined : join(cacheFolder, `${job.top}-${key.slice(0, 24)}.json`);
  });
  const missing: number[] = [];
  for (const [i, path] of paths.entries()) {
    if (path !== undefined && existsSync(path)) {
      try {
        netlists[i] = simNetlistFromJson(readFileSync(path, "utf8"));
        continue;
      } catch {
        // A damaged cache entry is read again.
      }
    }
    missing.push(i);
  }
  const cached = jobs.length - missing.length;
  // The longest first, so that no thread is left with a long one at the end.
  missing.sort((i, j) => jobs[j]!.verilog.length - jobs[i]!.verilog.length);
  const report = (done: number): void =>
    onProgress({ job: "read back", done: cached + done, total: jobs.length, unit: "modules" });
  report(0);
  const fresh = await readByYosys(
    missing.map((i) => jobs[i]!),
    { ...options, onJob: report },
  );
  for (const [j, i] of missing.entries()) {
    netlists[i] = fresh[j]!;
    const path = paths[i];
    if (path !== undefined) writeFileAtomic(path, simNetlistToJson(fresh[j]!));
  }
  for (const [i, primitive] of primitives.entries()) {
    provePrimitive(primitive.name, netlists[wanted.length + i]!);
  }
  return { kind: "simNetlist", top: tops[0]!, modules: unite(netlists.slice(0, wanted.length)) };
}

/** Put the modules of all runs together; the derived names of parameterized modules are the same in every run. */
function unite(netlists: readonly SimNetlist[]): ReadonlyMap<string, SimModule> {
  const all = new Map<string, SimModule>();
  for (const netlist of netlists) for (const [name, module] of netlist.modules) all.set(name, module);
  return all;
}
