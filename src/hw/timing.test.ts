import { describe, expect, test } from "vitest";
import { adderDelayPs, sky130Cells } from "../arith/index.js";
import { concat, literal, ModuleBuilder, sliceOf } from "./builder.js";
import type { Module } from "./netlist.js";
import { NetlistTiming } from "./timing.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const { register, mux2, and2, fullAdder, halfAdder, xor2 } = sky130Cells;

/** q = a + b, registered behind a multiplexer when `width` bits of ripple allow. */
function adder(name: string, width: number, architecture: "ripple" | "prefix" = "ripple"): Module {
  const b = new ModuleBuilder(name, []);
  b.clock("clk");
  const [x, y] = [b.input("x", width), b.input("y", width)];
  const select = b.input("select", 1);
  const held = b.register("held", x, { role: "datapath" });
  const sum = b.arithmetic("add", "sum", held, y, architecture);
  b.register("q_held", b.mux("chosen", select, sum, x), { enable: select, role: "datapath" });
  b.output("sum_out", sum);
  return b.build();
}

describe("timing of a netlist", () => {
  test("adds up a path from register to register", () => {
    const [worst] = new NetlistTiming({ kind: "design", modules: [adder("m", 8)] }, clock).longest(1);
    const { carryPs, sumPs } = fullAdder;
    expect(worst!.to).toBe("q_held.d");
    expect(worst!.ps).toBe(
      register.clockToOutputPs + halfAdder.carryPs + 6 * carryPs + sumPs + mux2.delayPs + register.setupPs,
    );
    expect(worst!.through.map(({ net }) => net)).toEqual(["held", "sum", "chosen"]);
  });

  test("counts half adders where literals are added, and no cell where one bit comes alone", () => {
    const b = new ModuleBuilder("m", []);
    const x = b.input("x", 4);
    // Columns: x0 + 1, x1, x2, and 0 + 0 for the carry out.
    const sum = b.arithmetic(
      "add",
      "sum",
      concat([sliceOf(x, 0, 3), literal(0, 1)]),
      concat([literal(1, 1), literal(0, 3)]),
    );
    b.output("y", concat([sum, sliceOf(x, 3, 1)]));
    const [worst] = new NetlistTiming({ kind: "design", modules: [b.build()] }, clock).longest(1);
    const { carryPs, sumPs } = halfAdder;
    expect(worst!.ps).toBe(register.clockToOutputPs + carryPs + Math.max(carryPs, sumPs));
  });

  test("takes fast adders, enables and late inputs for what they are", () => {
    const timing = new NetlistTiming({ kind: "design", modules: [adder("m", 32, "prefix")] }, clock, {
      inputPs: 1000,
    });
    const ends = new Map(timing.longest(10).map(({ to, ps }) => [to, ps]));
    const sum = 1000 + adderDelayPs("prefix", 32, sky130Cells);
    expect(ends.get("sum_out")).toBe(sum);
    expect(ends.get("q_held.d")).toBe(sum + mux2.delayPs + register.setupPs);
    expect(ends.get("q_held.enable")).toBe(1000 + mux2.delayPs + register.setupPs);
  });

  test("follows paths through instances, and starts anew at memories", () => {
    const inner = new ModuleBuilder("inner", []);
    const [a, c] = [inner.input("a", 1), inner.input("c", 1)];
    inner.output("y", inner.logic("xor", "x", [a, c]));
    const b = new ModuleBuilder("outer", []);
    b.clock("clk");
    const start = b.register("start", b.input("d", 1), { role: "control" });
    const data = b.net("data", 1);
    b.add({
      kind: "ram",
      name: "memory",
      depth: 2,
      writeEnable: start,
      writeAddress: start,
      writeData: start,
      readEnable: start,
      readAddress: start,
      readData: data,
    });
    const y = b.net("y", 1);
    b.add({
      kind: "instance",
      name: "u",
      module: "inner",
      inputs: [
        { port: "a", signal: start },
        { port: "c", signal: b.signal(data) },
      ],
      outputs: [{ port: "y", net: y }],
    });
    b.register("end", b.logic("and", "both", [b.signal(y), start]), { role: "control" });
    const design = { kind: "design", modules: [inner.build(), b.build()] } as const;
    const timing = new NetlistTiming(design, clock, { memoryAccessPs: 2000 });
    const end = timing.longest(10).find(({ to }) => to === "end.d")!;
    expect(end.ps).toBe(2000 + xor2.delayPs + and2.delayPs + register.setupPs);
    expect(end.through.map(({ net }) => net)).toEqual(["data", "u.c", "u.x", "u.y", "y", "both"]);
  });
});
