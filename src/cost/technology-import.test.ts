import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { requireShared } from "../../test/helpers/environment.js";
import { FixynnError } from "../core/index.js";
import {
  readTechnology,
  shippedTechnologies,
  technologySchema,
  wireCapacitanceFf,
  wireLengthUm,
} from "./technology.js";
import { importTechnology } from "./technology-import.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-tech-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const options = { name: "tiny", nodeNm: 130, licence: "none", origin: "made up" };

/** One-row library: constant delay 0.1 ns, 0.002 pJ rise and 0.004 pJ fall for each arc. */
const gate = (name: string, area: number, fn: string, inputs: readonly string[]): string => `
  cell (${name}) { area : ${area}; cell_leakage_power : 3;
    ${inputs.map((pin) => `pin (${pin}) { direction : input; capacitance : 0.002; }`).join("\n")}
    pin (Y) { direction : output; function : "${fn}";
      internal_power () { related_pin : "${inputs[0]}";
        rise_power (scalar) { values ("0.002"); } fall_power (scalar) { values ("0.004"); } }
      timing () { related_pin : "${inputs[0]}"; cell_rise (scalar) { values ("0.1"); } cell_fall (scalar) { values ("0.3"); }
        rise_transition (scalar) { values ("0.05"); } fall_transition (scalar) { values ("0.05"); } } } }`;
const header = `time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1pW"; capacitive_load_unit (1, pf); nom_voltage : 2;`;
const flop = `
  cell (DFF) { area : 10; cell_leakage_power : 5; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (D) { direction : input; capacitance : 0.001;
      timing () { related_pin : "CK"; timing_type : setup_rising;
        rise_constraint (scalar) { values ("0.04"); } fall_constraint (scalar) { values ("0.06"); } } }
    pin (CK) { direction : input; clock : true; capacitance : 0.003;
      internal_power () { rise_power (scalar) { values ("0.001"); } fall_power (scalar) { values ("0.003"); } } }
    pin (Q) { direction : output; function : "IQ";
      internal_power () { related_pin : "CK"; rise_power (scalar) { values ("0.006"); } fall_power (scalar) { values ("0.006"); } }
      timing () { related_pin : "CK"; timing_type : rising_edge; cell_rise (scalar) { values ("0.2"); } cell_fall (scalar) { values ("0.2"); } } } }`;
const gates = [
  gate("INV", 1, "!A", ["A"]),
  gate("NAND2", 2, "!(A&B)", ["A", "B"]),
  gate("AND2", 3, "A&B", ["A", "B"]),
  gate("AND2BIG", 9, "A&B", ["A", "B"]),
  gate("OR2", 3, "A|B", ["A", "B"]),
  gate("XOR2", 4, "A^B", ["A", "B"]),
];
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("importTechnology", () => {
  test("gives the figures of a hand calculation and composes what is absent", () => {
    const path = file("tiny.lib", `library (tiny) { ${header} ${gates.join("")} ${flop} }`);
    const table = importTechnology([path], options);
    // Load 2 · 2 fF = 4 fF; ½·4 fF·(2 V)² = 8 fJ; mean internal energy 3 fJ.
    expect(table.operatingPoint).toMatchObject({ loadFf: 4, slewPs: 50 });
    expect(table.cells.and2).toEqual({
      cell: "AND2",
      composed: false,
      areaUm2: 3,
      leakageNw: 0.003,
      inputCapacitanceFf: 2,
      internalEnergyPerTogglePj: 0.003,
      energyPerTogglePj: 0.011,
      delayPs: 300,
    });
    expect(table.cells.fullAdder).toMatchObject({ composed: true, areaUm2: 2 * 4 + 3 * 2, delayPs: 600 });
    expect(table.cells.mux2).toMatchObject({ composed: true, areaUm2: 3 * 2 + 1 });
    // Clock: 1 + 3 fJ + 3 fF · 4 V² = 16 fJ; a toggle: 6 + 8 fJ, since the clock pin's power has no condition.
    expect(table.cells.flipFlop).toMatchObject({
      areaUm2: 10,
      delayPs: 200,
      setupPs: 60,
      clockEnergyPerCyclePj: 0.016,
      energyPerTogglePj: 0.014,
    });
    expect(table.cells.enableFlipFlop).toMatchObject({ composed: true, areaUm2: 17 });
    expect(table.notes).toContain("composed: 2 XOR2 + 3 NAND2");
  });

  test.each([
    ["a missing cell", `library (x) { ${header} ${gates.slice(1).join("")} ${flop} }`, "FX7005"],
    ["no flip-flop", `library (x) { ${header} ${gates.join("")} }`, "FX7005"],
    ["an empty library", `library (x) { ${header} }`, "FX7005"],
    ["an unknown unit", `library (x) { ${header.replace("1ns", "1parsec")} ${gates.join("")} }`, "FX7004"],
    ["a missing brace", `library (x) { ${header} ${gates.join("")} `, "FX7001"],
  ])("refuses %s", (name, text, code) => {
    const path = file(`${name.replaceAll(" ", "-")}.lib`, text);
    expect(() => importTechnology([path], options)).toThrow(expect.objectContaining({ code }));
  });

  test("refuses files that are not there", () => {
    expect(() => importTechnology([join(folder, "none.lib")], options)).toThrow(
      expect.objectContaining({ code: "FX7000" }),
    );
  });
});

describe("libraries that are not as they should be", () => {
  const whole = (extra = "", head = header): string =>
    `library (tiny) { ${head} ${gates.join("")} ${flop} ${extra} }`;
  const made = (name: string, text: string) => importTechnology([file(name, text)], options);

  test("cells without power, delay, leakage or capacitance are counted as zero, a warning each", () => {
    const bare = `cell (AND2) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; capacitance : 0.002; }
      pin (Y) { direction : output; function : "A&B"; } }`;
    const table = made(
      "bare.lib",
      `library (tiny) { ${header} ${gates.filter((text) => !text.includes("(AND2")).join("")} ${bare} ${flop} }`,
    );
    expect(table.cells.and2).toMatchObject({ internalEnergyPerTogglePj: 0, delayPs: 0, leakageNw: 0 });
    for (const what of ["no internal power", "no delay", "no leakage", "an input without capacitance"]) {
      expect(table.notes.filter((note) => note.startsWith("AND2 has") && note.includes(what))).toHaveLength(
        1,
      );
    }
  });

  test("a cell whose function cannot be read is left out and said", () => {
    const strange = `cell (ODD) { area : 0.5; pin (A) { direction : input; } pin (Y) { direction : output; function : "A ? B"; } }`;
    const table = made("strange.lib", whole(strange));
    expect(table.cells.inverter.cell).toBe("INV");
    expect(table.notes.filter((note) => note.startsWith("ODD is left out"))).toHaveLength(1);
  });

  test("what the library lacks of clock gate, latch, scan and wire is composed and said", () => {
    const table = made("lacking.lib", whole());
    const { mux2, flipFlop, scanFlipFlop, latch, and2 } = table.cells;
    expect(scanFlipFlop.areaUm2).toBe(flipFlop.areaUm2 + mux2.areaUm2);
    expect(latch.areaUm2).toBe(mux2.areaUm2);
    expect(table.clockGate).toMatchObject({ composed: true, areaUm2: mux2.areaUm2 + and2.areaUm2 });
    expect(table.clockGate.energyPerEnabledCyclePj).toBeGreaterThan(table.clockGate.energyPerDisabledCyclePj);
    // 2 fF a sink, as much as the driven pin of the xor.
    expect(wireCapacitanceFf(table.wire, 3)).toEqual({ low: 3, nominal: 6, high: 12 });
    for (const start of ["clock gate:", "latch:", "wire:"])
      expect(table.notes.filter((note) => note.startsWith(start))).toHaveLength(1);
  });

  test("a latch, a clock gate and a wire_load table are used when they are there", () => {
    const latch = `cell (DLN) { area : 6; cell_leakage_power : 1; latch (IQ, IQN) { data_in : "D"; enable : "!G"; }
      pin (D) { direction : input; capacitance : 0.001; } pin (G) { direction : input; capacitance : 0.002; }
      pin (Q) { direction : output; function : "IQ"; } }`;
    const composed = made("latch.lib", whole(latch));
    expect(composed.clockGate).toMatchObject({ cell: "DLN + AND2", areaUm2: 9, clockPinCapacitanceFf: 4 });
    // Latch pin 2 fF and and pin 2 fF at 2 V: 16 fJ; the and gate's own 3 fJ twice when it passes.
    expect(composed.clockGate.energyPerDisabledCyclePj).toBeCloseTo(0.016, 9);
    expect(composed.clockGate.energyPerEnabledCyclePj).toBeCloseTo(0.022, 9);
    const gate = `cell (CG) { area : 7; clock_gating_integrated_cell : "latch_posedge"; dont_use : true;
      pin (CK) { direction : input; clock : true; clock_gate_clock_pin : true; capacitance : 0.002;
        internal_power () { rise_power (scalar) { values ("0.001"); } fall_power (scalar) { values ("0.002"); } } }
      pin (E) { direction : input; clock_gate_enable_pin : true; capacitance : 0.001; }
      pin (GCK) { direction : output; clock_gate_out_pin : true;
        internal_power () { related_pin : "CK"; when : "E"; rise_power (scalar) { values ("0.004"); } fall_power (scalar) { values ("0.004"); } } } }`;
    const wire = `wire_load (w) { capacitance : 0.0002; slope : 10; fanout_length (1, 5); fanout_length (3, 25); } default_wire_load : "w";`;
    const table = made("gate.lib", whole(gate, header + wire));
    expect(table.clockGate).toMatchObject({ cell: "CG", composed: false, areaUm2: 7 });
    expect(table.clockGate.energyPerDisabledCyclePj).toBeCloseTo(0.003 + 0.008, 9);
    expect(table.clockGate.energyPerEnabledCyclePj).toBeCloseTo(0.003 + 0.008 + 0.008, 9);
    expect(table.notes.filter((note) => note.includes("CG is marked dont_use"))).toHaveLength(1);
    expect([1, 2, 3, 5].map((n) => wireLengthUm(table.wire, n))).toEqual([5, 15, 25, 45]);
    expect(wireCapacitanceFf(table.wire, 5).nominal).toBeCloseTo(9, 9);
    expect(table.operatingPoint.netFf).toBe(3);
  });

  test("a wire lighter than any real one is said; a stated capacitance replaces it", () => {
    const wire = `wire_load (w) { capacitance : 0.000014; slope : 8; fanout_length (1, 23); } default_wire_load : "w";`;
    const text = whole("", header + wire);
    expect(made("light.lib", text).notes.some((note) => note.includes("less than any wire has"))).toBe(true);
    const stated = importTechnology([file("light.lib", text)], {
      ...options,
      wire: { capacitanceFfPerUm: 0.17, source: "made up" },
    });
    expect(stated.notes.some((note) => note.includes("less than any wire has"))).toBe(false);
    expect(wireCapacitanceFf(stated.wire, 1).nominal).toBeCloseTo(23 * 0.17, 9);
  });

  test("files of different supplies and figures that cannot be are refused", () => {
    const one = file("one.lib", whole());
    const other = file("other.lib", whole("", header.replace("nom_voltage : 2", "nom_voltage : 1")));
    expect(() => importTechnology([one, other], options)).toThrow(
      expect.objectContaining({ code: "FX7006" }),
    );
    const negative = whole().replaceAll(
      'cell_rise (scalar) { values ("0.2")',
      'cell_rise (scalar) { values ("1e999")',
    );
    expect(() => made("negative.lib", negative)).toThrow(FixynnError);
  });

  test("a file that is cut or changed anywhere gives a table or one error of ours, never another", () => {
    const text = whole();
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.nat(text.length - 1),
        fc.constantFrom("", "{", "}", '"', ";", "(", "x", "-"),
        fc.boolean(),
        (at, until, insert, cut) => {
          const changed = cut
            ? text.slice(0, at) + insert
            : text.slice(0, Math.min(at, until)) + insert + text.slice(Math.min(at, until) + 1);
          try {
            made("changed.lib", changed);
          } catch (error) {
            if (!(error instanceof FixynnError)) throw error;
          }
        },
      ),
      { numRuns: 150, seed: 11 },
    );
  });
});

const libraries: Readonly<Record<string, readonly string[]>> = {
  sky130hd: ["sky130hd_tt.lib.gz"],
  sg13g2: ["sg13g2_typ.lib.gz"],
  asap7: [
    "asap7_AO_RVT_TT_nldm_211120.lib.gz",
    "asap7_INVBUF_RVT_TT_nldm_220122.lib.gz",
    "asap7_OA_RVT_TT_nldm_211120.lib.gz",
    "asap7_SEQ_RVT_TT_nldm_220123.lib.gz",
    "asap7_SIMPLE_RVT_TT_nldm_211120.lib.gz",
  ],
};

const routed = "mean signal wire fitted to extracted layouts, OpenROAD-flow-scripts flow/platforms";
const routedWires: Readonly<Record<string, { capacitanceFfPerUm: number; source: string }>> = {
  sky130hd: {
    capacitanceFfPerUm: 0.172375,
    source: `${routed}/sky130hd/setRC.tcl (met1, the layer set for signals)`,
  },
  sg13g2: { capacitanceFfPerUm: 0.173072, source: `${routed}/ihp-sg13g2/setRC.tcl (signal)` },
  asap7: { capacitanceFfPerUm: 0.173323, source: `${routed}/asap7/setRC.tcl (signal)` },
};

describe("shipped tables", () => {
  for (const [name, files] of Object.entries(libraries)) {
    test(`${name} is what its Liberty files give`, (context) => {
      const paths = files.map((entry) => requireShared(context, `tech/${entry}`));
      const shipped = readTechnology(name);
      const { nodeNm, source } = shipped;
      const { licence, origin } = source;
      const made = importTechnology(paths, { name, nodeNm, licence, origin, wire: routedWires[name] });
      expect(made).toEqual(shipped);
    });
  }

  test("are valid, and sky130's full adder has the library's area", () => {
    expect(shippedTechnologies()).toEqual(["asap7", "sg13g2", "sky130hd"]);
    for (const name of shippedTechnologies()) {
      const table = readTechnology(name);
      expect(technologySchema.parse(JSON.parse(JSON.stringify(table)))).toEqual(table);
    }
    const { fullAdder, halfAdder } = readTechnology("sky130hd").cells;
    expect(fullAdder).toMatchObject({ cell: "sky130_fd_sc_hd__fa_1", areaUm2: 20.0192 });
    expect(halfAdder).toMatchObject({ cell: "sky130_fd_sc_hd__ha_1", areaUm2: 12.512 });
  });

  test("an unknown name and a broken table give one clear error each", () => {
    expect(() => readTechnology("nosuch")).toThrow(expect.objectContaining({ code: "FX7010" }));
    const path = file("broken.json", '{"schema": "fixynn.technology.v1"}');
    expect(() => readTechnology(path)).toThrow(expect.objectContaining({ code: "FX7011", place: path }));
  });
});
