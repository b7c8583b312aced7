import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { requireShared } from "../../test/helpers/environment.js";
import { readTechnology, shippedTechnologies, technologySchema } from "./technology.js";
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
      delayPs: 200,
    });
    expect(table.cells.fullAdder).toMatchObject({ composed: true, areaUm2: 2 * 4 + 3 * 2, delayPs: 400 });
    expect(table.cells.mux2).toMatchObject({ composed: true, areaUm2: 3 * 2 + 1 });
    // Clock: 1 + 3 fJ + 3 fF · 4 V² = 16 fJ; a toggle: 6 + 8 fJ, since the clock pin's power has no condition.
    expect(table.cells.flipFlop).toMatchObject({
      areaUm2: 10,
      delayPs: 200,
      setupPs: 50,
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
