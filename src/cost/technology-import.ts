import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { FixynnError, sha256 } from "../core/index.js";
import { truthTable } from "./boolean-function.js";
import { type LibertyGroup, type LibertyTable, libertyTable, lookUp, parseLiberty } from "./liberty.js";
import { sramModel } from "./sram.js";
import type { Technology, TechnologyCell, TechnologyFlipFlop } from "./technology.js";

/** What the Liberty files do not say. */
export type ImportOptions = {
  readonly name: string;
  readonly nodeNm: number;
  readonly licence: string;
  readonly origin: string;
};

/** Factors from a library's units to ns-free SI-like ones: ps, fF, nW, pJ. */
type Units = { readonly ps: number; readonly fF: number; readonly nW: number; readonly supplyV: number };

type Library = {
  readonly group: LibertyGroup;
  readonly units: Units;
  readonly templates: ReadonlyMap<string, LibertyGroup>;
};

type Output = { readonly pin: LibertyGroup; readonly function: number; readonly inverted: boolean };
type Candidate = {
  readonly library: Library;
  readonly cell: LibertyGroup;
  readonly name: string;
  readonly areaUm2: number;
  readonly inputs: readonly LibertyGroup[];
  readonly outputs: readonly Output[];
};

const prefixes: Readonly<Record<string, number>> = { f: 1e-15, p: 1e-12, n: 1e-9, u: 1e-6, m: 1e-3, "": 1 };

function unit(text: string | undefined, symbol: string, attribute: string, place: string): number {
  const match = text?.trim().match(/^([\d.eE+-]*)\s*([fpnum]?)([a-zA-Z]+)$/);
  const prefix = prefixes[match?.[2]?.toLowerCase() ?? "?"];
  if (!match || prefix === undefined || match[3]?.toLowerCase() !== symbol) {
    throw new FixynnError("FX7004", `unknown unit ${attribute} = ${JSON.stringify(text ?? "(absent)")}`, {
      place,
      hint: `expected e.g. "1n${symbol}"`,
    });
  }
  return Number(match[1] === "" ? 1 : match[1]) * prefix;
}

function openLibrary(path: string): Library & { readonly file: { name: string; sha256: string } } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX7000", `cannot read the Liberty file: ${reason}`, { place: path, cause });
  }
  const group = parseLiberty(bytes.toString("latin1"), path);
  const load = group.complex.get("capacitive_load_unit") ?? [];
  const conditions = group.groups.find((g) => g.name === "operating_conditions");
  const supplyV = Number(group.attributes.get("nom_voltage") ?? conditions?.attributes.get("voltage"));
  const farad = unit(`${load[0] ?? ""}${load[1] ?? ""}`, "f", "capacitive_load_unit", path);
  unit(group.attributes.get("voltage_unit"), "v", "voltage_unit", path);
  if (!(supplyV > 0)) throw new FixynnError("FX7004", "no supply voltage (nom_voltage)", { place: path });
  return {
    group,
    templates: new Map(
      group.groups
        .filter((g) => g.name === "lu_table_template" || g.name === "power_lut_template")
        .map((g) => [g.args[0] ?? "", g]),
    ),
    units: {
      ps: unit(group.attributes.get("time_unit"), "s", "time_unit", path) * 1e12,
      fF: farad * 1e15,
      nW: unit(group.attributes.get("leakage_power_unit"), "w", "leakage_power_unit", path) * 1e9,
      supplyV,
    },
    file: { name: basename(path), sha256: sha256(bytes) },
  };
}

const pinsOf = (cell: LibertyGroup, direction: string): LibertyGroup[] =>
  cell.groups.filter((g) => g.name === "pin" && g.attributes.get("direction") === direction);
const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
const usable = (cell: LibertyGroup): boolean =>
  cell.attributes.get("dont_use") !== "true" &&
  cell.attributes.get("is_isolation_cell") !== "true" &&
  cell.attributes.get("is_level_shifter") !== "true" &&
  Number(cell.attributes.get("area")) > 0;

/** Combinational cells of at most three inputs, with the truth tables of their outputs over the inputs in order. */
function combinational(libraries: readonly Library[]): Candidate[] {
  return libraries.flatMap((library) =>
    library.group.groups.flatMap((cell): Candidate[] => {
      if (cell.name !== "cell" || !usable(cell)) return [];
      const inputs = pinsOf(cell, "input");
      const pins = pinsOf(cell, "output");
      if (inputs.length < 1 || inputs.length > 3 || pins.length === 0) return [];
      if (cell.groups.some((g) => ["ff", "latch", "statetable", "ff_bank"].includes(g.name))) return [];
      const names = inputs.map((pin) => pin.args[0] ?? "");
      const outputs: Output[] = [];
      for (const pin of pins) {
        const text = pin.attributes.get("function");
        if (text === undefined || pin.attributes.has("three_state")) return [];
        outputs.push({ pin, function: truthTable(text, names), inverted: false });
      }
      const areaUm2 = Number(cell.attributes.get("area"));
      return [{ library, cell, name: cell.args[0] ?? "", areaUm2, inputs, outputs }];
    }),
  );
}

const xor3 = 0b10010110;
const majority3 = 0b11101000;
/** select low picks the first data input; all six pin orders. */
const mux2Tables = new Set([0xca, 0xac, 0xe2, 0xb8, 0xe4, 0xd8]);

/** Match a cell's outputs to the wanted functions, either polarity when `inverted` is allowed. */
function match(candidate: Candidate, wanted: readonly number[], inverted: boolean): Candidate | undefined {
  if (candidate.outputs.length !== wanted.length) return undefined;
  const all = (1 << (1 << candidate.inputs.length)) - 1;
  const outputs: Output[] = [];
  for (const want of wanted) {
    const plain = candidate.outputs.find((o) => o.function === want);
    const opposite = inverted ? candidate.outputs.find((o) => o.function === (~want & all)) : undefined;
    const found = plain ?? opposite;
    if (!found) return undefined;
    outputs.push({ ...found, inverted: plain === undefined });
  }
  return { ...candidate, outputs };
}

const smallest = (candidates: readonly (Candidate | undefined)[]): Candidate | undefined =>
  candidates
    .filter((c) => c !== undefined)
    .sort(
      (a, b) =>
        Number(a.outputs.some((o) => o.inverted)) - Number(b.outputs.some((o) => o.inverted)) ||
        a.areaUm2 - b.areaUm2 ||
        inputLoadFf(a) - inputLoadFf(b) ||
        (a.name < b.name ? -1 : 1),
    )[0];

const inputLoadFf = (candidate: Candidate): number =>
  mean(candidate.inputs.map((pin) => capacitanceFf(candidate.library, pin)));

type Point = { readonly slewPs: number; readonly loadFf: number };

function at(library: Library, group: LibertyGroup, point: Point): number {
  const table: LibertyTable = libertyTable(group, library.templates);
  return lookUp(table, point.slewPs / library.units.ps, point.loadFf / library.units.fF);
}

const tablesNamed = (groups: readonly LibertyGroup[], ...names: string[]): LibertyGroup[] =>
  groups.filter((g) => names.includes(g.name));

/** Mean internal energy of one transition, pJ: mean over arcs and conditions, summed over supply pins. */
function internalPj(library: Library, pin: LibertyGroup, point: Point): number | undefined {
  const bySupply = new Map<string, number[]>();
  for (const power of tablesNamed(pin.groups, "internal_power")) {
    const tables = tablesNamed(power.groups, "rise_power", "fall_power", "power");
    if (tables.length === 0) continue;
    const supply = power.attributes.get("related_pg_pin") ?? "";
    const values = bySupply.get(supply) ?? [];
    values.push(mean(tables.map((table) => at(library, table, point))));
    bySupply.set(supply, values);
  }
  if (bySupply.size === 0) return undefined;
  // Energy unit of Liberty: load unit × volt² (fF·V² = fJ).
  return [...bySupply.values()].reduce((sum, values) => sum + mean(values), 0) * library.units.fF * 1e-3;
}

const arcs = (pin: LibertyGroup): LibertyGroup[] =>
  tablesNamed(pin.groups, "timing").filter((t) => {
    const type = t.attributes.get("timing_type") ?? "combinational";
    return type === "combinational" || type === "rising_edge";
  });

const delayPs = (library: Library, pin: LibertyGroup, point: Point): number =>
  Math.max(
    0,
    ...arcs(pin).map((arc) =>
      mean(tablesNamed(arc.groups, "cell_rise", "cell_fall").map((t) => at(library, t, point))),
    ),
  ) * library.units.ps;

const transitionPs = (library: Library, pin: LibertyGroup, point: Point): number =>
  mean(
    arcs(pin).flatMap((arc) =>
      tablesNamed(arc.groups, "rise_transition", "fall_transition").map((t) => at(library, t, point)),
    ),
  ) * library.units.ps;

const capacitanceFf = (library: Library, pin: LibertyGroup): number =>
  Number(pin.attributes.get("capacitance") ?? 0) * library.units.fF;

function leakageNw(library: Library, cell: LibertyGroup): number {
  const stated = cell.attributes.get("cell_leakage_power");
  if (stated !== undefined) return Number(stated) * library.units.nW;
  const bySupply = new Map<string, number[]>();
  for (const group of tablesNamed(cell.groups, "leakage_power")) {
    const supply = group.attributes.get("related_pg_pin") ?? "";
    bySupply.set(supply, [...(bySupply.get(supply) ?? []), Number(group.attributes.get("value"))]);
  }
  return Math.max(0, ...[...bySupply.values()].map(mean)) * library.units.nW;
}

const switchingPj = (library: Library, point: Point): number =>
  0.5 * point.loadFf * library.units.supplyV ** 2 * 1e-3;

function measure(candidate: Candidate, point: Point, notes: string[]): TechnologyCell {
  const { library, cell } = candidate;
  const energies = candidate.outputs.map(({ pin }) => internalPj(library, pin, point));
  const delays = candidate.outputs.map(({ pin }) => delayPs(library, pin, point));
  if (energies.includes(undefined))
    notes.push(`${candidate.name} has no internal power: only its load counts`);
  return {
    cell: candidate.name,
    composed: false,
    areaUm2: candidate.areaUm2,
    leakageNw: leakageNw(library, cell),
    inputCapacitanceFf: mean(candidate.inputs.map((pin) => capacitanceFf(library, pin))),
    energyPerTogglePj: mean(energies.map((e) => e ?? 0)) + switchingPj(library, point),
    delayPs: Math.max(...delays),
    ...(delays[1] === undefined ? {} : { carryDelayPs: delays[1] }),
  };
}

/** Add cells up; energy per toggle of an output sums what toggles with it, delay sums the path given. */
function compose(
  parts: readonly (readonly [
    count: number,
    cell: TechnologyCell,
    onPath: number,
    togglesPerOutput: number,
  ])[],
  input: TechnologyCell,
): TechnologyCell {
  const add = (pick: (cell: TechnologyCell) => number): number =>
    parts.reduce((sum, [count, cell]) => sum + count * pick(cell), 0);
  return {
    cell: parts.map(([count, cell]) => (count === 1 ? cell.cell : `${count} ${cell.cell}`)).join(" + "),
    composed: true,
    areaUm2: add((c) => c.areaUm2),
    leakageNw: add((c) => c.leakageNw),
    inputCapacitanceFf: input.inputCapacitanceFf,
    energyPerTogglePj: parts.reduce((sum, [, cell, , toggles]) => sum + toggles * cell.energyPerTogglePj, 0),
    delayPs: parts.reduce((sum, [, cell, onPath]) => sum + onPath * cell.delayPs, 0),
  };
}

const withCarry = (cell: TechnologyCell, carryDelayPs: number): TechnologyCell => ({ ...cell, carryDelayPs });

type FlipFlopKind = "plain" | "enable" | "syncReset";
type FlopCandidate = Candidate & { readonly clock: LibertyGroup; readonly asynchronous: boolean };

/** Classify the rising-edge flip-flops without scan; each has one output or a pair of opposite ones. */
function flipFlops(libraries: readonly Library[], kind: FlipFlopKind): FlopCandidate[] {
  return libraries.flatMap((library) =>
    library.group.groups.flatMap((cell): FlopCandidate[] => {
      const ff = cell.name === "cell" ? cell.groups.find((g) => g.name === "ff") : undefined;
      if (!ff || !usable(cell)) return [];
      const clockName = ff.attributes.get("clocked_on")?.replaceAll(/[()\s]/g, "") ?? "";
      const inputs = pinsOf(cell, "input");
      const clock = inputs.find((pin) => pin.args[0] === clockName);
      const next = ff.attributes.get("next_state");
      const outputs = pinsOf(cell, "output");
      if (!clock || next === undefined || outputs.length === 0) return [];
      const state = ff.args[0] ?? "IQ";
      const asyncText = `${ff.attributes.get("clear") ?? ""} ${ff.attributes.get("preset") ?? ""}`;
      const data = inputs.filter(
        (pin) => pin !== clock && !new RegExp(`\\b${pin.args[0]}\\b`).test(asyncText),
      );
      const names = [...data.map((pin) => pin.args[0] ?? ""), state];
      if (names.length > 3) return [];
      const table = truthTable(next, names);
      const rows = 1 << names.length;
      const size = rows === 32 ? 0xffffffff : 2 ** rows - 1;
      const flip = (value: number): number => (~value & size) >>> 0;
      const [d, e, q] = [0b10101010 & size, 0b11001100 & size, names.length === 2 ? 0b1100 : 0b11110000];
      const isPlain = names.length === 2 && (table === d || table === flip(d));
      const isEnable =
        names.length === 3 &&
        [
          (d & e) | (q & flip(e)),
          (d & flip(e)) | (q & e),
          (e & d) | (q & flip(d)),
          (e & flip(d)) | (q & d),
        ].includes(table);
      const isReset = names.length === 3 && [d & e, d & flip(e), e & flip(d)].includes(table);
      if (!(kind === "plain" ? isPlain : kind === "enable" ? isEnable : isReset)) return [];
      const storesOpposite = isPlain && table !== d;
      const marked = outputs.map((pin): Output => {
        const text = pin.attributes.get("function")?.replaceAll(/[()\s"]/g, "") ?? state;
        return { pin, function: 0, inverted: (text === state) === storesOpposite };
      });
      return [
        {
          library,
          cell,
          name: cell.args[0] ?? "",
          areaUm2: Number(cell.attributes.get("area")),
          inputs: data,
          outputs: marked,
          clock,
          asynchronous: asyncText.trim() !== "",
        },
      ];
    }),
  );
}

/** Prefer synchronous ones, then the least area with the inverter that an inverted output needs. */
function pickFlipFlop(found: readonly FlopCandidate[], inverterUm2: number): FlopCandidate | undefined {
  const areaUm2 = (c: FlopCandidate): number =>
    c.areaUm2 + (c.outputs.every((o) => o.inverted) ? inverterUm2 : 0);
  return [...found].sort(
    (a, b) =>
      Number(a.asynchronous) - Number(b.asynchronous) ||
      areaUm2(a) - areaUm2(b) ||
      (a.name < b.name ? -1 : 1),
  )[0];
}

function measureFlipFlop(candidate: FlopCandidate, point: Point, notes: string[]): TechnologyFlipFlop {
  const { library, clock } = candidate;
  const clockEdgePj = internalPj(library, clock, point);
  if (clockEdgePj === undefined)
    notes.push(`${candidate.name} has no clock power: only its pin charge counts`);
  const clockFf = capacitanceFf(library, clock);
  // A clock-to-output transition already contains its own clock edge: subtract it, the clock is priced every cycle.
  const cell = measure(candidate, point, notes);
  const setups = candidate.inputs.flatMap((pin) =>
    tablesNamed(pin.groups, "timing")
      .filter((t) => t.attributes.get("timing_type") === "setup_rising")
      .map((t) =>
        mean(
          tablesNamed(t.groups, "rise_constraint", "fall_constraint").map((table) =>
            lookUp(
              libertyTable(table, library.templates),
              point.slewPs / library.units.ps,
              point.slewPs / library.units.ps,
            ),
          ),
        ),
      ),
  );
  return {
    ...cell,
    energyPerTogglePj: Math.max(switchingPj(library, point), cell.energyPerTogglePj - (clockEdgePj ?? 0)),
    setupPs: Math.max(0, ...setups) * library.units.ps,
    clockEnergyPerCyclePj: 2 * Math.max(0, clockEdgePj ?? 0) + clockFf * library.units.supplyV ** 2 * 1e-3,
  };
}

/**
 * Turn Liberty files, read as one library, into a technology table. Cells are found by their Boolean functions, not by
 * name: for each role the smallest usable cell. What the library lacks is composed of its other cells, and says so.
 *
 * Operating point: the load is twice an input pin of the full adder (one driven pin and as much again of wire); the slew is
 * the one a full adder (else a two-input xor) gives at that load and slew (fixed point).
 *
 * @param files `.lib` or `.lib.gz`
 * @throws FixynnError FX7000-FX7004 for unreadable files, FX7005 when a necessary cell is absent
 */
export function importTechnology(files: readonly string[], options: ImportOptions): Technology {
  const libraries = files.map(openLibrary);
  const first = libraries[0];
  if (!first)
    throw new FixynnError("FX7005", "no Liberty file given", { hint: "name at least one .lib file" });
  const notes: string[] = [];
  const found = combinational(libraries);
  const pick = (inputs: number, wanted: readonly number[], inverted = false): Candidate | undefined =>
    smallest(found.filter((c) => c.inputs.length === inputs).map((c) => match(c, wanted, inverted)));
  const need = (role: string, candidate: Candidate | undefined): Candidate => {
    if (candidate) return candidate;
    throw new FixynnError("FX7005", `the library has no usable ${role} cell`, {
      place: files.map((file) => basename(file)).join(" "),
      hint: "give all files of the library together",
    });
  };
  const inverter = need("inverter", pick(1, [0b01]));
  const nand2 = need("two-input nand", pick(2, [0b0111]));
  const and2 = need("two-input and", pick(2, [0b1000]));
  const or2 = need("two-input or", pick(2, [0b1110]));
  const xor2 = need("two-input xor", pick(2, [0b0110]));
  const fullAdder = pick(3, [xor3, majority3], true);
  const halfAdder = pick(2, [0b0110, 0b1000], true);
  const mux2 = smallest(
    found.filter(
      (c) => c.inputs.length === 3 && c.outputs.length === 1 && mux2Tables.has(c.outputs[0]!.function),
    ),
  );

  const typical = fullAdder ?? xor2;
  const loadFf = 2 * mean(typical.inputs.map((pin) => capacitanceFf(typical.library, pin)));
  let slewPs = 0;
  for (let i = 0; i < 20; i++) {
    slewPs = mean(typical.outputs.map(({ pin }) => transitionPs(typical.library, pin, { slewPs, loadFf })));
  }
  const point: Point = { slewPs, loadFf };

  const cells = {
    inverter: measure(inverter, point, notes),
    nand2: measure(nand2, point, notes),
    and2: measure(and2, point, notes),
    or2: measure(or2, point, notes),
    xor2: measure(xor2, point, notes),
  };
  const corrected = (candidate: Candidate, role: string): TechnologyCell => {
    const cell = measure(candidate, point, notes);
    const inverted = candidate.outputs.filter((o) => o.inverted).length;
    if (inverted === 0) return cell;
    notes.push(
      `${role}: ${candidate.name} has ${inverted} inverted output(s); an inverter each is charged, an upper bound, since alternating polarity saves some`,
    );
    const share = inverted / candidate.outputs.length;
    const whole = compose(
      [
        [1, cell, 1, 1],
        [inverted, cells.inverter, 1, share],
      ],
      cell,
    );
    return withCarry(whole, (cell.carryDelayPs ?? 0) + cells.inverter.delayPs);
  };
  const adders = {
    fullAdder: fullAdder
      ? corrected(fullAdder, "full adder")
      : withCarry(
          compose(
            [
              [2, cells.xor2, 2, 1],
              [3, cells.nand2, 0, 1.5],
            ],
            cells.xor2,
          ),
          cells.xor2.delayPs + 2 * cells.nand2.delayPs,
        ),
    halfAdder: halfAdder
      ? corrected(halfAdder, "half adder")
      : withCarry(
          compose(
            [
              [1, cells.xor2, 1, 0.5],
              [1, cells.and2, 0, 0.5],
            ],
            cells.xor2,
          ),
          cells.and2.delayPs,
        ),
    mux2: mux2
      ? measure(mux2, point, notes)
      : compose(
          [
            [3, cells.nand2, 2, 2],
            [1, cells.inverter, 1, 0.5],
          ],
          cells.nand2,
        ),
  };
  for (const cell of Object.values(adders)) {
    if (cell.composed && !cell.cell.startsWith(typical.name)) notes.push(`composed: ${cell.cell}`);
  }

  const plainCandidate = pickFlipFlop(flipFlops(libraries, "plain"), inverter.areaUm2);
  if (!plainCandidate) return need("rising-edge flip-flop", undefined) as never;
  if (plainCandidate.asynchronous) {
    notes.push(`flip-flop: ${plainCandidate.name} has an asynchronous reset; the library has none without`);
  }
  const raw = measureFlipFlop(plainCandidate, point, notes);
  const extend = (flop: TechnologyFlipFlop, cell: TechnologyCell, before: boolean): TechnologyFlipFlop => {
    const sum = compose(
      [
        [1, flop, 1, 1],
        [1, cell, before ? 0 : 1, 1],
      ],
      flop,
    );
    return {
      ...sum,
      setupPs: flop.setupPs + (before ? cell.delayPs : 0),
      clockEnergyPerCyclePj: flop.clockEnergyPerCyclePj,
    };
  };
  const plain = plainCandidate.outputs.every((o) => o.inverted) ? extend(raw, cells.inverter, false) : raw;
  if (plain !== raw)
    notes.push(`flip-flop: ${plainCandidate.name} has an inverted output; an inverter is charged`);
  const special = (kind: FlipFlopKind, cell: TechnologyCell): TechnologyFlipFlop => {
    const candidate = pickFlipFlop(
      flipFlops(libraries, kind).filter((c) => !c.asynchronous),
      inverter.areaUm2,
    );
    const composed = extend(plain, cell, true);
    if (!candidate) return composed;
    const own = measureFlipFlop(candidate, point, notes);
    return own.areaUm2 <= composed.areaUm2 ? own : composed;
  };
  return {
    schema: "fixynn.technology.v1",
    name: options.name,
    nodeNm: options.nodeNm,
    supplyV: first.units.supplyV,
    source: {
      libraries: libraries.map(({ group }) => group.args[0] ?? ""),
      files: libraries.map(({ file }) => file),
      licence: options.licence,
      origin: options.origin,
    },
    operatingPoint: {
      slewPs: round(slewPs),
      loadFf: round(loadFf),
      rule: "load: two full-adder input pins (one driven pin, as much again of wire); slew: that of a full adder at this load",
    },
    cells: roundAll({
      ...adders,
      ...cells,
      flipFlop: plain,
      enableFlipFlop: special("enable", adders.mux2),
      syncResetFlipFlop: special("syncReset", cells.and2),
    }),
    sram: roundAll(sramModel(options.nodeNm)),
    notes,
  };
}

const round = (value: number): number => Number(value.toPrecision(6));

/** Round every number to six digits, so that tables are small and equal on every machine. */
function roundAll<T>(value: T): T {
  const go = (v: unknown): unknown => {
    if (typeof v === "number") return round(v);
    if (v === null || typeof v !== "object") return v;
    return Object.fromEntries(Object.entries(v).map(([key, entry]) => [key, go(entry)]));
  };
  return go(value) as T;
}
