import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTool } from "../../test/helpers/environment.js";
import { adderArchitectures, adderDelayPs, chooseAdder, selectBlocks, sky130Cells } from "../arith/index.js";
import { createRng } from "../core/index.js";
import { createSimulator, flatten, lowerDesign, readBack, WORDS_PER_BIT } from "../sim/index.js";
import { ModuleBuilder } from "./builder.js";
import type { Module } from "./netlist.js";
import { printVerilog, verilogLibrary } from "./verilog.js";

const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 12, 13, 17, 24, 33];

/** One addition of each architecture and width. */
function adders(): Module {
  const b = new ModuleBuilder("adders", []);
  for (const width of WIDTHS) {
    const [x, y] = [b.input(`a${width}`, width), b.input(`b${width}`, width)];
    for (const kind of adderArchitectures)
      b.output(`${kind}${width}`, b.arithmetic("add", `add_${kind}${width}`, x, y, kind));
  }
  return b.build();
}

const planes = (value: bigint, width: number): Uint32Array => {
  const words = new Uint32Array(width * WORDS_PER_BIT);
  for (let i = 0; i < width; i++) words[i * WORDS_PER_BIT] = Number((value >> BigInt(i)) & 1n);
  return words;
};

describe("carry-propagate adders", () => {
  it("add, whatever the architecture and width, in their emitted text", async () => {
    const module = adders();
    const files = new Map([...verilogLibrary, ["adders.sv", printVerilog(module, new Map())]]);
    const rng = createRng(4);
    for (const netlist of [
      lowerDesign({ kind: "design", modules: [module] }),
      await readBack(files, "adders"),
    ]) {
      const simulator = createSimulator(flatten(netlist), { lanes: 1 });
      for (let k = 0; k < 40; k++) {
        const operands = WIDTHS.map((width) => {
          const draw = (): bigint =>
            k % 4 === 0
              ? (1n << BigInt(width)) - 1n
              : BigInt.asUintN(width, BigInt(rng.integer(2 ** 30)) * 2731n ** 2n);
          const pair = [draw(), k % 4 === 1 ? 1n : draw()] as const;
          simulator.setWord(`a${width}`, planes(pair[0], width));
          simulator.setWord(`b${width}`, planes(pair[1], width));
          return pair;
        });
        simulator.settle();
        for (const [i, width] of WIDTHS.entries()) {
          const wanted = planes(operands[i]![0] + operands[i]![1], width);
          for (const kind of adderArchitectures)
            expect(simulator.readWord(`${kind}${width}`).filter((_, w) => w % WORDS_PER_BIT === 0)).toEqual(
              wanted.filter((_, w) => w % WORDS_PER_BIT === 0),
            );
        }
      }
    }
  }, 60_000);

  it("are clean under Verilator's lint", (context) => {
    const verilator = requireTool(context, "verilator");
    const folder = mkdtempSync(join(tmpdir(), "fixynn-adders-"));
    try {
      const names = ["fx_select_adder.sv", "fx_prefix_adder.sv", "adders.sv"];
      for (const [name, text] of [
        ...verilogLibrary,
        ["adders.sv", printVerilog(adders(), new Map())] as const,
      ])
        writeFileSync(join(folder, name), text);
      const options = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "--top-module", "adders", ...names];
      expect(spawnSync(verilator, options, { cwd: folder, encoding: "utf8" }).stderr).toBe("");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);

  it("are chosen by the time that is left: the smaller, the slower", () => {
    expect(selectBlocks(17)).toEqual([3, 4, 5, 5]);
    const ripple = adderDelayPs("ripple", 20, sky130Cells);
    const prefix = adderDelayPs("prefix", 20, sky130Cells);
    expect(chooseAdder(20, ripple, sky130Cells)).toBe("ripple");
    expect(chooseAdder(20, ripple - 1, sky130Cells)).toBe("select");
    expect(chooseAdder(20, prefix, sky130Cells)).toBe("prefix");
    expect(chooseAdder(20, 1, sky130Cells)).toBe("prefix");
  });
});
