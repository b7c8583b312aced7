import { describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import {
  createSimulator,
  flatten,
  readBack,
  simNetlistFromJson,
  simNetlistToJson,
  WORDS_PER_BIT,
} from "./index.js";

/** Each expression over a (5 bits), b (7), signed s (6), t (4), bit k, and what it means in integers. */
const expressions: readonly {
  readonly verilog: string;
  readonly value: (v: { a: number; b: number; s: number; t: number; k: number }) => number;
}[] = [
  { verilog: "a + b", value: ({ a, b }) => a + b },
  { verilog: "a - b", value: ({ a, b }) => a - b },
  { verilog: "s + t", value: ({ s, t }) => s + t },
  { verilog: "s - t", value: ({ s, t }) => s - t },
  { verilog: "s * t", value: ({ s, t }) => s * t },
  { verilog: "a * b", value: ({ a, b }) => a * b },
  { verilog: "-s", value: ({ s }) => -s },
  { verilog: "+t", value: ({ t }) => t },
  { verilog: "~a", value: ({ a }) => ~a },
  { verilog: "a & b", value: ({ a, b }) => a & b },
  { verilog: "a | b", value: ({ a, b }) => a | b },
  { verilog: "s ^ t", value: ({ s, t }) => s ^ t },
  { verilog: "a ~^ b", value: ({ a, b }) => ~(a ^ b) },
  { verilog: "{15'd0, &a}", value: ({ a }) => (a === 31 ? 1 : 0) },
  { verilog: "{15'd0, |b}", value: ({ b }) => (b === 0 ? 0 : 1) },
  { verilog: "{15'd0, ^a}", value: ({ a }) => [0, 1, 2, 3, 4].reduce((x, i) => x ^ ((a >> i) & 1), 0) },
  { verilog: "{15'd0, ~^a}", value: ({ a }) => [0, 1, 2, 3, 4].reduce((x, i) => x ^ ((a >> i) & 1), 1) },
  { verilog: "{15'd0, !b}", value: ({ b }) => (b === 0 ? 1 : 0) },
  { verilog: "{15'd0, a && b}", value: ({ a, b }) => (a !== 0 && b !== 0 ? 1 : 0) },
  { verilog: "{15'd0, a || b}", value: ({ a, b }) => (a !== 0 || b !== 0 ? 1 : 0) },
  { verilog: "k ? s : t", value: ({ k, s, t }) => (k === 1 ? s : t) },
  { verilog: "{15'd0, a == b}", value: ({ a, b }) => (a === b ? 1 : 0) },
  { verilog: "{15'd0, a != b}", value: ({ a, b }) => (a !== b ? 1 : 0) },
  { verilog: "{15'd0, a < b}", value: ({ a, b }) => (a < b ? 1 : 0) },
  { verilog: "{15'd0, s < t}", value: ({ s, t }) => (s < t ? 1 : 0) },
  { verilog: "{15'd0, s <= t}", value: ({ s, t }) => (s <= t ? 1 : 0) },
  { verilog: "{15'd0, a > b}", value: ({ a, b }) => (a > b ? 1 : 0) },
  { verilog: "{15'd0, s >= t}", value: ({ s, t }) => (s >= t ? 1 : 0) },
  { verilog: "{15'd0, s === t}", value: ({ s, t }) => (s === t ? 1 : 0) },
  { verilog: "{15'd0, s !== t}", value: ({ s, t }) => (s === t ? 0 : 1) },
  { verilog: "b << 3", value: ({ b }) => b << 3 },
  { verilog: "b >> 2", value: ({ b }) => b >> 2 },
  { verilog: "s >>> 2", value: ({ s }) => s >> 2 },
  { verilog: "s <<< 1", value: ({ s }) => s << 1 },
  { verilog: "b << a", value: ({ a, b }) => (a > 15 ? 0 : b << a) },
  { verilog: "b >> a", value: ({ a, b }) => b >> a },
  { verilog: "s >>> a", value: ({ a, s }) => s >> a },
];

describe("Yosys cells", () => {
  it("each combinational cell computes what Verilog says, over random operands", async () => {
    const lines = [
      "module cells (input logic [4:0] a, input logic [6:0] b, input logic signed [5:0] s,",
      "  input logic signed [3:0] t, input logic k,",
      `  ${expressions.map((_, i) => `output logic signed [15:0] y${i}`).join(", ")}, output logic [15:0] z);`,
      ...expressions.map(({ verilog }, i) => `  assign y${i} = ${verilog};`),
      "  always_comb case (a[1:0]) 2'd0: z = 16'd5; 2'd1: z = {9'd0, b}; 2'd2: z = 16'd9; default: z = 16'd3; endcase",
      "endmodule",
    ];
    const netlist = await readBack(new Map([["cells.sv", lines.join("\n")]]), "cells");
    const again = simNetlistFromJson(simNetlistToJson(netlist));
    expect(again).toEqual(netlist);
    const simulator = createSimulator(flatten(again), { dataPorts: ["a", "b", "s", "t", "k"] });
    const rng = createRng(11);
    const widths = { a: 5, b: 7, s: 6, t: 4, k: 1 };
    for (let round = 0; round < 8; round++) {
      const lanes = Array.from({ length: 128 }, () => {
        const draw = (width: number, signed: boolean): number => {
          const bits = rng.integer(2 ** width);
          return signed && bits >= 2 ** (width - 1) ? bits - 2 ** width : bits;
        };
        return {
          a: draw(5, false),
          b: draw(7, false),
          s: draw(6, true),
          t: draw(4, true),
          k: draw(1, false),
        };
      });
      for (const [name, width] of Object.entries(widths) as ["a", number][]) {
        const planes = new Uint32Array(width * WORDS_PER_BIT);
        for (const [lane, values] of lanes.entries()) {
          for (let i = 0; i < width; i++) {
            planes[i * WORDS_PER_BIT + (lane >> 5)]! |= ((values[name] >> i) & 1) << (lane & 31);
          }
        }
        simulator.setWord(name, planes);
      }
      simulator.settle();
      const read = (port: string): number[] => {
        const planes = simulator.readWord(port);
        return lanes.map((_, lane) => {
          let value = 0;
          for (let i = 0; i < 16; i++) {
            value |= ((planes[i * WORDS_PER_BIT + (lane >> 5)]! >>> (lane & 31)) & 1) << i;
          }
          return value;
        });
      };
      for (const [i, { verilog, value }] of expressions.entries()) {
        expect(read(`y${i}`), verilog).toEqual(lanes.map((v) => value(v) & 0xffff));
      }
      expect(read("z")).toEqual(lanes.map(({ a, b }) => [5, b, 9, 3][a & 3]));
    }
  });

  it("lists everything that it cannot simulate", async () => {
    const text = `module bad (input logic clk, input logic rst, input logic d, input logic en, output logic q, output logic l, output logic n);
      always_ff @(posedge clk or posedge rst) if (rst) q <= 0; else q <= d;
      always_latch if (en) l = d;
      always_ff @(negedge clk) n <= d;
    endmodule`;
    const error = await readBack(new Map([["bad.sv", text]]), "bad").catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "FX6001" });
    for (const what of [/\$adff/, /\$dlatch/, /falling-edge/]) expect(String(error)).toMatch(what);
  });

  it("names a syntax error, a missing module and a combinational loop", async () => {
    const syntax = new Map([["x.sv", "module x (input logic a; endmodule"]]);
    await expect(readBack(syntax, "x")).rejects.toMatchObject({ code: "FX6021" });
    await expect(readBack(syntax, "y")).rejects.toMatchObject({ code: "FX6002" });
    const loop =
      "module l (input logic a, output logic y); logic b; assign b = ~y ^ a; assign y = b & a; endmodule";
    const netlist = await readBack(new Map([["l.sv", loop]]), "l");
    expect(() => flatten(netlist)).toThrow(/loop: .*(b|y) ← .*/);
  });

  it("stops when asked and when it takes too long", async () => {
    const files = new Map([["m.sv", "module m (input logic a, output logic y); assign y = a; endmodule"]]);
    const controller = new AbortController();
    const read = readBack(files, "m", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
    await expect(readBack(files, "m", { timeoutSeconds: 0.01 })).rejects.toMatchObject({ code: "FX6022" });
  });
});
