import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { requireFull, requireTool } from "../../test/helpers/environment.js";
import { createRng } from "../core/index.js";
import { createSimulator, flatten, readByYosys, WORDS_PER_BIT } from "../sim/index.js";
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

/**
 * A synchronous model of either macro for our own simulator: the word is spoilt when it is read and written at once, and the output is
 * spoilt in every cycle after one without a read.
 */
const spoilingModel = (name: string): string => {
  const { family, words, bits } = boundMacro(name);
  const address = Math.ceil(Math.log2(words));
  const body = (
    write: string,
    read: string,
    clock: string,
    to: string,
    from: string,
    data: string,
  ): string => `
  logic [${bits - 1}:0] mem [${words}]; logic [${bits - 1}:0] q; logic valid;
  always @(posedge ${clock}) begin
    if (${write}) mem[${to}] <= ${data};
    if (${read}) q <= mem[${from}];
    valid <= ${read} && !(${write} && ${to} == ${from});
  end
  assign out = valid ? q : ~q;`;
  if (family === "openram")
    return `module ${name} (input clk0, input csb0, input web0, input [3:0] wmask0, input [${address - 1}:0] addr0, input [${bits - 1}:0] din0,
  output [${bits - 1}:0] dout0, input clk1, input csb1, input [${address - 1}:0] addr1, output [${bits - 1}:0] dout1);
  wire [${bits - 1}:0] out; assign dout1 = out; assign dout0 = out;
  wire write = !csb0 && !web0 && &wmask0;${body("write", "!csb1", "clk0", "addr0", "addr1", "din0")}
endmodule`;
  const head = ihpModel.slice(0, ihpModel.indexOf(");") + 2).replaceAll("output logic", "output");
  return `${head}
  wire [${bits - 1}:0] out; assign A_DOUT = out; assign B_DOUT = out;
  wire write = A_MEN && A_WEN && A_DLY && !A_BIST_EN && &A_BM; wire read = B_MEN && B_REN && B_DLY && !B_BIST_EN;
  ${body("write", "read", "A_CLK", "A_ADDR", "B_ADDR", "A_DIN")}
endmodule`;
};

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
        requireFull(context);
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
            // The model drives its output at both edges.
            "-Wno-MULTIDRIVEN",
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

    test(`${name}: read by the npm Yosys and simulated, does what fx_ram does`, {
      timeout: 60_000,
    }, async () => {
      const [width, depth, address] = [40, 300, 9];
      const { words, bits } = boundMacro(name);
      const connect = `.WIDTH(${width}), .DEPTH(${depth}), .ADDRESS_WIDTH(${address})`;
      const pins =
        ".clk(clk), .write_enable(we), .write_address(wa), .write_data(wd), .read_enable(re), .read_address(ra)";
      const top = `module top (input clk, input we, input re, input [${address - 1}:0] wa, input [${address - 1}:0] ra,
        input [${width - 1}:0] wd, output same); wire [${width - 1}:0] good, ours; assign same = good == ours;
        fx_ram_plain #(${connect}) plain (${pins}, .read_data(good)); fx_ram #(${connect}) bound (${pins}, .read_data(ours)); endmodule`;
      const text = [plain, memoryWrapper(name), spoilingModel(name), top].join("\n");
      const [netlist] = await readByYosys([{ top: "top", verilog: text }]);
      const macros = [...netlist!.modules.values()].flatMap(({ instances }) =>
        instances.filter(({ module }) => module === name),
      );
      expect(macros).toHaveLength(Math.ceil(width / bits) * Math.ceil(depth / words));
      const simulator = createSimulator(flatten(netlist!), { lanes: 1, dataPorts: ["wa", "ra", "wd"] });
      const rng = createRng(3);
      const below = (n: number): number => rng.integer(n);
      const set = (port: string, size: number, value: (bit: number) => number): void => {
        const planes = new Uint32Array(size * WORDS_PER_BIT);
        for (let k = 0; k < size; k++) planes[k * WORDS_PER_BIT] = value(k);
        simulator.setWord(port, planes);
      };
      let [before, reads, atOnce] = [0, 0, 0];
      for (let t = 0; t < depth + 1500; t++) {
        const [we, re] = [t < depth || below(3) > 0, t > depth + 1 && below(3) > 0];
        const wa = t < depth ? t : below(depth);
        const ra = [wa, wa, before, below(depth)][below(4)]!;
        simulator.setBit("we", we);
        simulator.setBit("re", re);
        set("wa", address, (k) => (wa >> k) & 1);
        set("ra", address, (k) => (ra >> k) & 1);
        set("wd", width, () => below(2));
        simulator.settle();
        simulator.tick();
        simulator.settle();
        before = wa;
        if (re) reads++;
        if (re && we && wa === ra) atOnce++;
        if (reads > 0) expect(simulator.readWord("same")[0]! & 1, `cycle ${t}`).toBe(1);
      }
      expect(reads).toBeGreaterThan(800);
      expect(atOnce).toBeGreaterThan(200);
    });
  }

  test("other names are refused", () => {
    for (const name of ["sky130_sram_1kbyte_1rw_32x256_8", "RM_IHPSG13_1P_64x64_c2_bm_bist", "fakeram"])
      expect(() => memoryWrapper(name)).toThrow(expect.objectContaining({ code: "FX3050" }));
  });
});
