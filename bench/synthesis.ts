import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { FixynnError } from "../src/core/index.js";
import { defaultEngine } from "../src/cost/index.js";
import {
  ADDER_PRIMITIVES_FILE,
  ADDER_TECHMAP_FILE,
  type AdderLibrary,
  adderPrimitives,
  adderTechmap,
  type Module,
  printVerilog,
  synthesisScript,
  verilogLibrary,
} from "../src/hw/index.js";

/** What synthesis made of a module. */
export type Synthesized = { readonly areaUm2: number; readonly cells: ReadonlyMap<string, number> };

/** A Liberty file (.gz or plain) and the adders that it has. */
export type SynthesisLibrary = { readonly liberty: string; readonly adders: AdderLibrary };

const TIMEOUT_SECONDS = 900;

/**
 * Map a module to a library and measure it.
 *
 * @param keepsAdders whether adders stay cells; else ABC gets the plain text
 * @throws FixynnError FX6021 when Yosys fails, FX6022 when it takes too long, FX9007 when it reports no area
 */
export async function synthesize(
  module: Module,
  { liberty, adders }: SynthesisLibrary,
  keepsAdders = true,
): Promise<Synthesized> {
  const raw = readFileSync(liberty);
  const text = (liberty.endsWith(".gz") ? gunzipSync(raw) : raw).toString();
  const own = ["fx_full_adders.sv", "fx_half_adders.sv"];
  const library = [...verilogLibrary].filter(
    ([name]) => name !== "fx_ram.sv" && !(keepsAdders && own.includes(name)),
  );
  const files = new Map([
    ["cells.lib", text],
    ...library,
    ["top.sv", printVerilog(module, new Map())],
    [ADDER_PRIMITIVES_FILE, adderPrimitives],
    [ADDER_TECHMAP_FILE, adderTechmap(adders)],
  ]);
  const script = synthesisScript({
    verilog: [...library.map(([name]) => name), "top.sv"],
    top: module.name,
    liberty: "cells.lib",
    adders: keepsAdders,
  });
  const output = "stat.txt";
  const stat = await defaultEngine().run(
    {
      name: module.name,
      files,
      script: [...script.slice(0, -1), `tee -o ${output} ${script.at(-1)}`],
      output,
    },
    { timeoutSeconds: TIMEOUT_SECONDS },
  );
  const area = /Chip area for (?:top )?module '[^']*':\s*([\d.]+)/.exec(stat);
  if (area === null) throw new FixynnError("FX9007", "Yosys reports no area", { place: module.name });
  const cells = new Map<string, number>();
  const table = stat.slice(stat.lastIndexOf("Number of cells"));
  for (const [, count, name] of table.matchAll(/^\s+(\d+)\s+(?:[\d.e+]+\s+)?([\w$]+)\s*$/gm))
    cells.set(name!, Number(count));
  for (const [, name, count] of table.matchAll(/^\s+([A-Za-z_$][\w$]*)\s+(\d+)\s*$/gm))
    cells.set(name!, Number(count));
  return { areaUm2: Number(area[1]), cells };
}
