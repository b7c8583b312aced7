import { describe, expect, it } from "vitest";
import { FixynnError } from "../core/index.js";
import { concat, literal, ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { countCells } from "./cell-counts.js";
import { designFromJson, designToJson } from "./json.js";
import {
  type Cell,
  counterWidth,
  type Design,
  type Module,
  type NetId,
  signalWidth,
  toBits,
} from "./netlist.js";
import { printModule } from "./print.js";
import { fromHexBeats, toHexBeats } from "./vectors.js";
import { verifyDesign } from "./verify.js";
import { printVerilog } from "./verilog.js";

/** Two words added with a carry-save row, registered. */
function small(): Module {
  const b = new ModuleBuilder("small", ["Adds three words."]);
  b.clock("clk");
  const enable = b.input("enable", 1);
  const [x, y, z] = ["x", "y", "z"].map((name) => b.input(name, 4));
  const sum = b.net("s", 4);
  const carry = b.net("c", 4);
  b.add({ kind: "fullAdders", name: "u_row", a: x!, b: y!, c: z!, sum, carry });
  const total = b.arithmetic(
    "add",
    "total",
    concat([b.signal(sum), literal(0, 1)]),
    concat([literal(0, 1), b.signal(carry)]),
  );
  b.output("q", b.register("held", total, { enable, role: "datapath" }));
  return b.build();
}

const design = (...modules: Module[]): Design => ({ kind: "design", modules });
const edit = (module: Module, change: (cell: Cell) => Cell): Module => ({
  ...module,
  cells: module.cells.map(change),
});

describe("signals", () => {
  it("join, merge and slice, least significant first", () => {
    const b = new ModuleBuilder("m", []);
    const word = b.input("word", 8);
    const joined = concat([sliceOf(word, 0, 3), sliceOf(word, 3, 5)]);
    expect(joined).toEqual(word);
    const mixed = concat([literal(0b01, 2), literal(0b1, 1), word]);
    expect(mixed[0]).toEqual({ kind: "constant", bits: "101" });
    expect(sliceOf(mixed, 1, 4)).toEqual([
      { kind: "constant", bits: "10" },
      { kind: "net", net: 0, low: 0, width: 2 },
    ]);
    expect(signalWidth(repeat(literal(1, 1), 7))).toBe(7);
    expect(() => sliceOf(word, 4, 5)).toThrow();
    expect([toBits(-3, 4), toBits(5n, 3), toBits(9, 3), counterWidth(4), counterWidth(0)]).toEqual([
      "1101",
      "101",
      "001",
      3,
      1,
    ]);
  });
});

describe("verifyDesign", () => {
  const expectBroken = (module: Module, message: RegExp): void => {
    expect(() => verifyDesign(design(module))).toThrow(FixynnError);
    expect(() => verifyDesign(design(module))).toThrow(message);
  };
  it("accepts a good design", () => {
    expect(verifyDesign(design(small())).modules).toHaveLength(1);
  });
  it("finds two drivers, no driver, wrong widths and bad slices", () => {
    const good = small();
    const add = good.cells.find((cell) => cell.kind === "add")!;
    expectBroken({ ...good, cells: [...good.cells, { ...add, name: "again" }] }, /two drivers/);
    expectBroken({ ...good, cells: good.cells.filter((cell) => cell !== add) }, /no driver/);
    expectBroken(
      edit(good, (cell) => (cell.kind === "add" ? { ...cell, a: literal(0, 4) } : cell)),
      /has 4 bits, not 5/,
    );
    const slice = { kind: "net" as const, net: 2 as NetId, low: 1, width: 4 };
    expectBroken(
      edit(good, (cell) => (cell.kind === "fullAdders" ? { ...cell, a: [slice] } : cell)),
      /\[1 \+: 4\] of 4/,
    );
    expectBroken({ ...good, clock: null }, /no clock/);
  });
  it("finds a loop, also one through an instance, but not through a register", () => {
    const loop = (registered: boolean): Module => {
      const b = new ModuleBuilder("loop", []);
      b.clock("clk");
      const net = b.net("back", 1);
      const inverted = b.not("inverted", b.signal(net));
      if (registered) b.registerInto(net, "back", inverted, { role: "control" });
      else b.add({ kind: "assign", name: "back", a: inverted, y: net });
      b.output("out", inverted);
      return b.build();
    };
    expectBroken(loop(false), /combinational loop/);
    expect(() => verifyDesign(design(loop(true)))).not.toThrow();
    const pass = (registered: boolean): Module => {
      const b = new ModuleBuilder("pass", []);
      b.clock("clk");
      const a = b.input("a", 1);
      b.output("y", registered ? b.register("r", a, { role: "control" }) : b.not("n", a));
      return b.build();
    };
    const around = new ModuleBuilder("around", []);
    around.clock("clk");
    const y = around.net("y", 1);
    const inputs = [{ port: "a", signal: around.signal(y) }];
    around.add({ kind: "instance", name: "u", module: "pass", inputs, outputs: [{ port: "y", net: y }] });
    expect(() => verifyDesign(design(pass(false), around.build()))).toThrow(/combinational loop/);
    expect(() => verifyDesign(design(pass(true), around.build()))).not.toThrow();
    expect(() => verifyDesign(design(around.build(), pass(true)))).toThrow(/no module pass/);
  });
});

describe("printing and JSON", () => {
  it("prints a module as text and as SystemVerilog", () => {
    expect(printModule(small())).toMatchSnapshot();
    expect(printVerilog(small(), new Map())).toMatchSnapshot();
  });
  it("round-trips, and rejects what is no design", () => {
    const value = design(small());
    expect(designFromJson(designToJson(value))).toEqual(value);
    expect(() => designFromJson("{")).toThrow(FixynnError);
    expect(() => designFromJson('{"kind":"design","modules":[{}]}')).toThrow(FixynnError);
  });
});

describe("rom", () => {
  const table = (): Module => {
    const b = new ModuleBuilder("table", ["A memory of constants."]);
    b.clock("clk");
    const enable = b.input("enable", 1);
    const address = b.input("address", 2);
    const readData = b.net("word", 140);
    const contents = [1n, 2n ** 139n, 5n].map((value) => toBits(value, 140));
    b.add({
      kind: "rom",
      name: "words",
      depth: 3,
      contents,
      readEnable: enable,
      readAddress: address,
      readData,
    });
    b.output("y", b.signal(readData));
    return b.build();
  };
  it("prints as one case statement in short lines and round-trips", () => {
    const text = printVerilog(table(), new Map());
    expect(text).toMatchSnapshot();
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    expect(printModule(table())).toMatchSnapshot();
    expect(designFromJson(designToJson(design(table())))).toEqual(design(table()));
  });
  it("must have as many words as its depth, as wide as its data, and an address for each", () => {
    const change = (fields: Partial<Extract<Cell, { kind: "rom" }>>): (() => Design) => {
      const module = edit(table(), (cell) => (cell.kind === "rom" ? { ...cell, ...fields } : cell));
      return () => verifyDesign(design(module));
    };
    expect(change({})).not.toThrow();
    expect(change({ depth: 2 })).toThrow(/has 3 words, not 2/);
    expect(change({ contents: ["0", "1", "0"] })).toThrow(/word has 1 bits, not 140/);
    expect(change({ readAddress: literal(0, 1) })).toThrow(/address too narrow/);
    expect(change({ contents: Array.from({ length: 3 }, () => "x".repeat(140)) })).toThrow(/not binary/);
  });
});

describe("countCells and vectors", () => {
  it("counts one full adder a bit of a carry-propagate adder, none for a register", () => {
    const counts = countCells(small().cells);
    expect(counts).toMatchObject({ fullAdder: 4 + 5, halfAdder: 0, inverter: 0 });
  });
  it("writes beats, first integer lowest, any width", () => {
    expect(toHexBeats([1, 255, -1, 16], 2, 8)).toBe("ff01\n10ff\n");
    expect(toHexBeats([1, 2, -1], 3, 3)).toBe("1d1\n");
    expect([...fromHexBeats("ff01\n10ff\n", 2, 8)]).toEqual([1, 255, 255, 16]);
    expect([...fromHexBeats("1d1\n", 3, 3)]).toEqual([1, 2, 7]);
  });
});
