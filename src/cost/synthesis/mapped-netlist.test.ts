import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CellLibrary, findCellRoles, mappingLiberty, readCellLibrary } from "../cell-library/index.js";
import { bufferNets } from "./buffer-nets.js";
import { mappedNetlistFromJson, mappedNetlistToJson } from "./mapped-json.js";
import type { MappedInstance, MappedNet, MappedNetlist } from "./mapped-netlist.js";
import { printMappedNetlist } from "./mapped-print.js";
import { verifyMappedNetlist } from "./mapped-verify.js";
import { simplifyAdders } from "./simplify-adders.js";
import { analyzeTiming } from "./static-timing.js";

const gate = (name: string, area: number, inputs: string, f: string, sense: string): string => {
  const pins = [...inputs].map((pin) => `pin(${pin}) { direction : input; capacitance : 0.002; }`);
  const arcs = [...inputs].map(
    (pin) => `timing() { related_pin : "${pin}"; timing_sense : ${sense};
      cell_rise(t) { values("0.10, 0.20", "0.20, 0.30"); } cell_fall(t) { values("0.05, 0.15", "0.15, 0.25"); }
      rise_transition(t) { values("0.1, 0.1", "0.1, 0.1"); } fall_transition(t) { values("0.1, 0.1", "0.1, 0.1"); } }`,
  );
  return `cell(${name}) { area : ${area}; cell_leakage_power : 1; ${pins.join(" ")}
    pin(Y) { direction : output; function : "${f}"; max_capacitance : 0.1; ${arcs.join(" ")} } }`;
};

const liberty = `library(mini) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW"; capacitive_load_unit(1, pf); nom_voltage : 1.8;
  lu_table_template(t) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance; index_1("0.1, 0.3"); index_2("0.0, 0.01"); }
  wire_load("small") { capacitance : 0.001; slope : 2; fanout_length(1, 1); fanout_length(2, 3); }
  default_wire_load : "small";
  ${gate("INV", 1, "A", "!A", "negative_unate")}
  ${gate("BUF", 2, "A", "A", "positive_unate")}
  ${gate("AND2", 3, "AB", "A&B", "positive_unate")}
  ${gate("OR2", 3, "AB", "A|B", "positive_unate")}
  ${gate("XOR2", 5, "AB", "A^B", "non_unate")}
  ${gate("XNOR2", 5, "AB", "!(A^B)", "non_unate")}
  cell(DFF) { area : 8; cell_leakage_power : 2; ff(IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin(CK) { direction : input; clock : true; capacitance : 0.001; }
    pin(D) { direction : input; capacitance : 0.002;
      timing() { related_pin : "CK"; timing_type : setup_rising; rise_constraint(t) { values("0.06, 0.06", "0.06, 0.06"); } fall_constraint(t) { values("0.04, 0.04", "0.04, 0.04"); } } }
    pin(Q) { direction : output; function : "IQ";
      timing() { related_pin : "CK"; timing_type : rising_edge; timing_sense : non_unate;
        cell_rise(t) { values("0.3, 0.4", "0.3, 0.4"); } cell_fall(t) { values("0.3, 0.4", "0.3, 0.4"); }
        rise_transition(t) { values("0.1, 0.1", "0.1, 0.1"); } fall_transition(t) { values("0.1, 0.1", "0.1, 0.1"); } } } }
}`;

function miniLibrary(): CellLibrary {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-mini-"));
  try {
    writeFileSync(join(folder, "mini.lib"), liberty);
    return readCellLibrary([join(folder, "mini.lib")]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const net = (n: number): MappedNet => n as MappedNet;
const instance = (name: string, cell: string, pins: Record<string, number>): MappedInstance => ({
  kind: "instance",
  name,
  cell,
  pins: pins as Record<string, MappedNet>,
  component: cell === "DFF" ? "registers" : "datapath",
});

/** Two flip-flops with an inverter and an and gate between them. */
const small: MappedNetlist = {
  kind: "mappedNetlist",
  name: "small",
  libraries: ["mini"],
  netCount: 8,
  ports: [
    { name: "aclk", direction: "input", nets: [net(2)] },
    { name: "x", direction: "input", nets: [net(3)] },
    { name: "y", direction: "output", nets: [net(7)] },
  ],
  clock: net(2),
  instances: [
    instance("a", "DFF", { CK: 2, D: 3, Q: 4 }),
    instance("inverter", "INV", { A: 4, Y: 5 }),
    instance("both", "AND2", { A: 5, B: 4, Y: 6 }),
    instance("b", "DFF", { CK: 2, D: 6, Q: 7 }),
  ],
  memories: [],
  netNames: new Map([[net(4), "stage"]]),
};

describe("readCellLibrary", () => {
  it("reads cells, units, tables and wire loads", () => {
    const library = miniLibrary();
    const inverter = library.cells.get("INV")!;
    expect(inverter.pins[0]).toMatchObject({ name: "A", capacitanceFf: 2 });
    expect(inverter.delays[0]!.delayPs.rise!.values).toEqual([100, 200, 200, 300]);
    expect(inverter.delays[0]!.delayPs.rise!.columns).toEqual([0, 10]);
    expect(library.wireLoads.get("small")).toEqual({ name: "small", capacitanceFf: [1, 3], slopeFf: 2 });
    expect(library.cells.get("DFF")!.constraints[0]!.limitPs.fall!.values[0]).toBeCloseTo(40);
  });

  it("finds cells by what they do, and writes what ABC may use", () => {
    const library = miniLibrary();
    const roles = findCellRoles(library);
    expect(roles.flipFlop).toMatchObject({ clock: "CK", data: "D", output: "Q", inverted: false });
    expect(roles.xnor2.cell.name).toBe("XNOR2");
    expect([roles.fullAdder, roles.mux2, roles.clockGate]).toEqual([null, null, null]);
    const text = mappingLiberty(library);
    expect(text).toContain("cell(AND2)");
    expect(text).not.toContain("DFF");
  });
});

describe("mapped netlist", () => {
  it("reads back equal from JSON, and prints", () => {
    expect(mappedNetlistFromJson(mappedNetlistToJson(small))).toEqual(small);
    expect(() => mappedNetlistFromJson("{}")).toThrow(/FX7074|not a mapped netlist/);
    expect(printMappedNetlist(small)).toContain("  both AND2 A=n5 B=stage Y=n6 (datapath)");
  });

  it("is refused when a net has two drivers or none, a cell is unknown, or a pin is open", () => {
    const library = miniLibrary();
    verifyMappedNetlist(small, library);
    const change = (i: number, cell: string, pins: Record<string, number>): MappedNetlist => ({
      ...small,
      instances: small.instances.with(i, instance("changed", cell, pins)),
    });
    expect(() => verifyMappedNetlist(change(1, "INV", { A: 4, Y: 6 }), library)).toThrow(/driven twice/);
    expect(() => verifyMappedNetlist(change(1, "INV", { A: 4 }), library)).toThrow(/nothing drives/);
    expect(() => verifyMappedNetlist(change(1, "NOR9", { A: 4, Y: 5 }), library)).toThrow(/does not have/);
    expect(() => verifyMappedNetlist(change(1, "INV", { Y: 5 }), library)).toThrow(/not connected/);
    expect(() => verifyMappedNetlist(change(1, "INV", { A: 6, Y: 5 }), library)).toThrow(/loops/);
  });

  it("is timed as by hand: rise and fall apart, loads of pins and wires, set-up of the edge", () => {
    const report = analyzeTiming(small, miniLibrary(), {
      periodPs: 1000,
      wire: (fanOut) => fanOut,
      memory: () => ({ delayPs: 0, setupPs: 0 }),
    });
    // Loads: stage 2 + 2 pins of 2 fF and 2 of wire: 6; n5 and n6 one pin and 1 of wire: 3 fF. Slews are 100 ps all along.
    const clockToOutput = 300 + 10 * 6;
    const [fallInverter, riseInverter] = [50 + 10 * 3, 100 + 10 * 3];
    const late = clockToOutput + riseInverter + (100 + 10 * 3);
    expect(report.path.map(({ instance: name, edge }) => `${name} ${edge}`)).toEqual(
      ["a rise", "inverter rise", "both rise"].with(0, "a fall"),
    );
    expect(report.slackPs).toBeCloseTo(1000 - 60 - late, 6);
    expect(fallInverter).toBeLessThan(riseInverter);
    expect(report.endpoint).toBe("b.D");
    expect(report.startpoint).toBe("a");
    expect(report.violations).toBe(0);
  });

  it("gets a tree of buffers behind a crowded net, but not behind the clock", () => {
    const library = miniLibrary();
    const many = 123;
    const crowded: MappedNetlist = {
      ...small,
      netCount: 4 + many,
      ports: small.ports.slice(0, 2),
      instances: Array.from({ length: many }, (_, i) => instance(`f${i}`, "DFF", { CK: 2, D: 3, Q: 4 + i })),
    };
    const buffered = bufferNets(crowded, library, findCellRoles(library));
    verifyMappedNetlist(buffered, library);
    const buffers = buffered.instances.filter(({ cell }) => cell === "BUF");
    expect(buffers.length).toBe(13 + 2);
    expect(buffered.instances.filter(({ pins }) => pins["D"] === net(3)).length).toBe(0);
    expect(buffered.instances.filter(({ pins }) => pins["CK"] === net(2)).length).toBe(many);
  });
});

describe("simplifyAdders", () => {
  it("keeps the value for all inputs, whatever is constant or equal", () => {
    // Nets 2, 3, 4 are free; a ripple of three adders with inputs of every kind.
    const choices = [0, 1, 2, 3, 4].map(net);
    for (let seed = 0; seed < 3125; seed += 7) {
      const pick = (k: number): MappedNet => choices[Math.floor(seed / 5 ** k) % 5]!;
      const adders = [
        { name: "a", a: pick(0), b: pick(1), c: pick(2), sum: net(5), carry: net(6) },
        { name: "b", a: pick(3), b: pick(4), c: net(6), sum: net(7), carry: net(8) },
        { name: "c", a: net(5), b: net(7), c: null, sum: net(9), carry: net(10) },
      ];
      const { adders: simple, resolve } = simplifyAdders({ adders, netCount: 11 });
      for (let inputs = 0; inputs < 8; inputs++) {
        const start = [0, 1, inputs & 1, (inputs >> 1) & 1, (inputs >> 2) & 1];
        const [plain, simplified] = [[...start], [...start]];
        for (const { a, b, c, sum, carry } of adders) {
          const total = plain[a]! + plain[b]! + (c === null ? 0 : plain[c]!);
          plain[sum] = total & 1;
          plain[carry] = total >> 1;
        }
        for (const adder of simple) {
          const own: readonly MappedNet[] = adder.inputs;
          const ones = own.reduce((n, x) => n + simplified[resolve(x)]!, 0);
          const total = ones + (adder.kind === "incrementer" || adder.kind === "inverter" ? 1 : 0);
          if (adder.sum !== null) simplified[adder.sum] = total & 1;
          if (adder.carry !== null) simplified[adder.carry] = total >> 1;
        }
        for (let n = 5; n < 11; n++) expect(simplified[resolve(net(n))]).toBe(plain[n]);
      }
    }
  });
});
