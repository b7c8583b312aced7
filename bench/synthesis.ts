import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FixynnError } from "../src/core/index.js";
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

/** Whether a native Yosys is there; else the npm package is used. */
export const hasNativeYosys = (): boolean => spawnSync("yosys", ["-V"]).status === 0;

async function runScript(
  files: ReadonlyMap<string, string>,
  script: readonly string[],
  place: string,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-synthesis-"));
  try {
    if (hasNativeYosys()) {
      for (const [name, text] of files) writeFileSync(join(folder, name), text);
      writeFileSync(join(folder, "run.ys"), `${script.join("\n")}\n`);
      const options = {
        cwd: folder,
        encoding: "utf8",
        timeout: TIMEOUT_SECONDS * 1000,
        maxBuffer: 1 << 28,
      } as const;
      const run = spawnSync("yosys", ["-Q", "-T", "-s", "run.ys"], options);
      if (run.status !== 0)
        throw new FixynnError("FX9007", `Yosys: ${run.stderr.trim().split("\n").at(-1)}`, { place });
      return run.stdout;
    }
    const { runYosys } = await import("@yowasp/yosys");
    let log = "";
    const stdout = (bytes: Uint8Array | null): void => {
      if (bytes !== null) log += Buffer.from(bytes).toString();
    };
    await runYosys(
      ["-Q", "-T", "-s", "run.ys"],
      Object.fromEntries([...files, ["run.ys", `${script.join("\n")}\n`]]),
      {
        stdout,
        stderr: stdout,
      },
    );
    return log;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Map a module to a library and measure it.
 *
 * @param keepsAdders whether adders stay cells; else ABC gets the plain text
 * @throws FixynnError FX9007 when Yosys fails
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
  const log = await runScript(files, script, module.name);
  const area = /Chip area for (?:top )?module '[^']*':\s*([\d.]+)/.exec(log);
  if (area === null) throw new FixynnError("FX9007", "Yosys reports no area", { place: module.name });
  const cells = new Map<string, number>();
  const table = log.slice(log.lastIndexOf("Number of cells"));
  for (const [, count, name] of table.matchAll(/^\s+(\d+)\s+(?:[\d.e+]+\s+)?([\w$]+)\s*$/gm))
    cells.set(name!, Number(count));
  for (const [, name, count] of table.matchAll(/^\s+([A-Za-z_$][\w$]*)\s+(\d+)\s*$/gm))
    cells.set(name!, Number(count));
  return { areaUm2: Number(area[1]), cells };
}
