import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { requireTool } from "../../test/helpers/environment.js";
import { readByYosys } from "../sim/index.js";
import { boundMacro, memoryWrapper } from "./memory-wrapper.js";
import { verilogLibrary } from "./verilog.js";

const openRam = "sky130_sram_1kbyte_1rw1r_32x256_8";
const ihp = "RM_IHPSG13_2P_64x32_c2_bm_bist";

/**
 * A model of OpenRAM's two-port macro that punishes: inputs at the rising edge, work at the falling one, the output spoilt at every
 * rising edge, and both the word and the output spoilt when one word is read and written at once.
 */
const openRamModel = `module ${openRam} (input clk0, input csb0, input web0, input [3:0] wmask0, input [7:0] addr0, input [31:0] din0,
  output logic [31:0] dout0, input clk1, input csb1, input [7:0] addr1, output logic [31:0] dout1);
  logic [31:0] mem [256];
  logic read, write; logic [7:0] from, to; logic [31:0] data;
  assign dout0 = '0;
  always @(posedge clk0) begin write <= !csb0 && !web0 && wmask0 == 4'hf; to <= addr0; data <= din0; end
  always @(posedge clk1) begin read <= !csb1; from <= addr1; dout1 <= $urandom; end
  always @(negedge clk0) begin
    if (write) mem[to] <= read && from == to ? $urandom : data;
    if (read) dout1 <= write && from == to ? $urandom : mem[from];
  end
endmodule
`;
/** A model of IHP's two-port macro: synchronous, the output held; spoilt when one word is read and written at once. */
const ihpModel = `module ${ihp} (${["A", "B"]
  .flatMap((p) => [
    ...["CLK", "MEN", "WEN", "REN", "DLY", "BIST_CLK", "BIST_EN", "BIST_MEN", "BIST_WEN", "BIST_REN"].map(
      (n) => `input ${p}_${n}`,
    ),
    ...["ADDR", "BIST_ADDR"].map((n) => `input [5:0] ${p}_${n}`),
    ...["DIN", "BM", "BIST_DIN", "BIST_BM"].map((n) => `input [31:0] ${p}_${n}`),
    `output logic [31:0] ${p}_DOUT`,
  ])
  .join(", ")});
  logic [31:0] mem [64];
  wire write = A_MEN && A_WEN && A_DLY && !A_BIST_EN && A_BM == '1;
  wire read = B_MEN && B_REN && B_DLY && !B_BIST_EN;
  assign A_DOUT = '0;
  always @(posedge A_CLK) begin
    if (write) mem[A_ADDR] <= read && A_ADDR == B_ADDR ? $urandom : A_DIN;
    if (read) B_DOUT <= write && A_ADDR == B_ADDR ? $urandom : mem[B_ADDR];
  end
endmodule
`;

/** Compare the wrapper with the emitted memory on random writes and reads, many of the same word at once. */
const testbench = (width: number, depth: number): string => {
  const address = Math.max(1, Math.ceil(Math.log2(depth)));
  return `module tb;
  logic clk = 0; logic we, re; logic [${address - 1}:0] wa, ra; logic [${width - 1}:0] wd; wire [${width - 1}:0] good, ours;
  fx_ram_plain #(.WIDTH(${width}), .DEPTH(${depth}), .ADDRESS_WIDTH(${address})) plain (.clk(clk), .write_enable(we), .write_address(wa),
    .write_data(wd), .read_enable(re), .read_address(ra), .read_data(good));
  fx_ram #(.WIDTH(${width}), .DEPTH(${depth}), .ADDRESS_WIDTH(${address})) bound (.clk(clk), .write_enable(we), .write_address(wa),
    .write_data(wd), .read_enable(re), .read_address(ra), .read_data(ours));
  int errors = 0, reads = 0, same = 0; bit known = 0;
  initial begin
    // Fill, so that nothing unknown is read; then mix.
    for (int t = 0; t < ${depth} + 6000; t++) begin
      we = t < ${depth} || $urandom % 3 != 0; re = t > ${depth} + 1 && $urandom % 3 != 0;
      wa = t < ${depth} ? t[${address - 1}:0] : $urandom % ${depth}; wd = {${Math.ceil(width / 32)}{$urandom}} ^ t;
      ra = $urandom % 2 == 0 ? wa : $urandom % ${depth};
      if ($urandom % 4 == 0) ra = earlier;
      earlier = wa;
      #5 clk = 1; #5 clk = 0; #4;
      if (re) begin known = 1; reads++; if (we && wa == ra) same++; end
      if (known && good !== ours) errors++;
    end
    if (errors == 0 && reads > 2000 && same > 500) $display("PASS %0d reads", reads);
    else $display("FAIL %0d errors, %0d reads, %0d at once", errors, reads, same);
    $finish;
  end
  logic [${address - 1}:0] earlier = 0;
endmodule
`;
};

const plain = verilogLibrary.get("fx_ram.sv")!.replace("module fx_ram ", "module fx_ram_plain ");

describe("memoryWrapper", () => {
  for (const [name, model] of [
    [openRam, openRamModel],
    [ihp, ihpModel],
  ] as const) {
    for (const [width, depth] of [
      [40, 300],
      [8, 14],
      [64, 256],
    ] as const) {
      test(`${name} as ${width} bits × ${depth} words does what fx_ram does, in Verilator`, {
        timeout: 120_000,
      }, (context) => {
        const verilator = requireTool(context, "verilator");
        const folder = mkdtempSync(join(tmpdir(), "fixynn-wrapper-"));
        try {
          const files = {
            "fx_ram.sv": memoryWrapper(name),
            "plain.sv": plain,
            "model.sv": model,
            "tb.sv": testbench(width, depth),
          };
          for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
          const run = (args: readonly string[]) =>
            spawnSync(verilator, args, { cwd: folder, encoding: "utf8" });
          const lint = run([
            "--lint-only",
            "-Wall",
            "--timing",
            "-Wno-DECLFILENAME",
            "--top-module",
            "fx_ram",
            `-GWIDTH=${width}`,
            `-GDEPTH=${depth}`,
            `-GADDRESS_WIDTH=${Math.max(1, Math.ceil(Math.log2(depth)))}`,
            "fx_ram.sv",
            "model.sv",
          ]);
          expect(lint.stderr.split("\n").filter((line) => line.includes("fx_ram.sv:"))).toEqual([]);
          const built = run([
            "--binary",
            "--timing",
            "-Wno-fatal",
            "-Wno-lint",
            "--top-module",
            "tb",
            ...Object.keys(files),
          ]);
          expect(built.status, built.stderr).toBe(0);
          const ran = spawnSync(join(folder, "obj_dir", "Vtb"), { cwd: folder, encoding: "utf8" });
          expect(ran.stdout).toMatch(/PASS/);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      });
    }

    test(`${name}: the npm Yosys finds the macros side by side and stacked`, {
      timeout: 60_000,
    }, async () => {
      const box = model
        .replaceAll(/^ {2}(?!output|input).*$\n?/gm, "")
        .replace("module", "(* blackbox *) module");
      const top = `module top (input clk, input we, input re, input [8:0] wa, input [8:0] ra, input [39:0] wd, output [39:0] q);
        fx_ram #(.WIDTH(40), .DEPTH(300), .ADDRESS_WIDTH(9)) ram (.clk(clk), .write_enable(we), .write_address(wa), .write_data(wd),
          .read_enable(re), .read_address(ra), .read_data(q)); endmodule`;
      const { words, bits } = boundMacro(name);
      const [netlist] = await readByYosys([
        { top: "top", verilog: `${box}\n${memoryWrapper(name)}\n${top}` },
      ]);
      const cells = [...netlist!.modules.values()].flatMap(({ instances }) => [...instances]);
      const macros = cells.filter((cell) => cell.module === name);
      expect(macros).toHaveLength(Math.ceil(40 / bits) * Math.ceil(300 / words));
    });
  }

  test("other names are refused", () => {
    for (const name of ["sky130_sram_1kbyte_1rw_32x256_8", "RM_IHPSG13_1P_64x64_c2_bm_bist", "fakeram"])
      expect(() => memoryWrapper(name)).toThrow(expect.objectContaining({ code: "FX3050" }));
  });
});
