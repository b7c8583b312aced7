import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { requireTool } from "../../test/helpers/environment.js";
import { buildVerilator, runVerilator } from "./index.js";
import { SHORT_RUNS } from "./verilator.js";

const design = (operator: string) =>
  `module unit (input logic [3:0] a, output logic [3:0] y); assign y = a ${operator} 4'd3; endmodule`;
const bench = `module tb;
  logic [3:0] a, y;
  logic [3:0] vectors [2];
  unit u (.a, .y);
  initial begin
    $readmemh("vectors.hex", vectors);
    a = vectors[0];
    #1;
    if (y !== vectors[1]) begin $display("FAIL: %0d", y); $fatal(1); end
    $display("PASS");
    $finish;
  end
endmodule`;

it("tells a testbench that passes from one that fails and one that does not build", async (context) => {
  requireTool(context, "verilator");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-tb-"));
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);
  try {
    write("tb.sv", bench);
    write("vectors.hex", "4\n7\n");
    write("unit.sv", design("+"));
    expect(await runVerilator({ folder, top: "tb" })).toMatchObject({ passed: true });
    write("unit.sv", design("-"));
    const failed = await runVerilator({ folder, top: "tb", flags: SHORT_RUNS });
    expect(failed.passed).toBe(false);
    expect(failed.output).toMatch(/FAIL: 1/);
    write("unit.sv", "module unit (input logic a); endmodule");
    await expect(runVerilator({ folder, top: "tb" })).rejects.toMatchObject({ code: "FX6040" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);

it("runs one build with different arguments", async (context) => {
  requireTool(context, "verilator");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-tb-"));
  writeFileSync(
    join(folder, "tb.sv"),
    `module tb #(parameter int LIMIT = 0);
  int value;
  initial begin
    if (!$value$plusargs("value=%d", value)) value = 0;
    if (value < LIMIT) $display("PASS %0d", value);
    else $display("FAIL %0d", value);
    $finish;
  end
endmodule`,
  );
  const build = await buildVerilator({ folder, top: "tb", flags: ["-GLIMIT=5", ...SHORT_RUNS] });
  try {
    expect(await build.run(["+value=4"])).toMatchObject({ passed: true });
    expect(await build.run(["+value=5"])).toMatchObject({ passed: false });
    expect(await build.run()).toMatchObject({ passed: true });
  } finally {
    build.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);
