import { basename } from "node:path";
import { z } from "zod";
import { FixynnError, mean } from "../core/index.js";
import { sramModel } from "./sram.js";
import {
  type Candidate,
  combinationalCells,
  fullAdderTables,
  halfAdderTables,
  matchOutputs,
  mux2Tables,
  smallestOf,
  tables,
} from "./technology/candidates.js";
import {
  clockGateFanOut,
  clockGates,
  composeClockGate,
  measureClockGate,
  pickClockGate,
} from "./technology/clock-gates.js";
import { compose, composedCells, withCarry } from "./technology/compose.js";
import { type LibertyLibrary, openLibrary } from "./technology/liberty-library.js";
import { capacitanceFf, measure, type Point, transitionPs } from "./technology/measure.js";
import { type Context, importFlipFlops, importLatches } from "./technology/sequential-roles.js";
import { assumedWire, type WireCapacitance, wireModel } from "./technology/wires.js";
import { type Technology, type TechnologyCell, technologySchema, wireCapacitanceFf } from "./technology.js";

/** What the Liberty files do not say. */
export type ImportOptions = {
  readonly name: string;
  readonly nodeNm: number;
  readonly licence: string;
  readonly origin: string;
  /** Capacitance of routed wire with its source; without it, the library's `wire_load` table is taken at its word. */
  readonly wire?: WireCapacitance | undefined;
};

/** The combinational cells of each role at the operating point. */
type Picked = {
  readonly fullAdder: Candidate | undefined;
  readonly halfAdder: Candidate | undefined;
  readonly mux2: Candidate | undefined;
  readonly inverter: Candidate;
  readonly nand2: Candidate;
  readonly and2: Candidate;
  readonly or2: Candidate;
  readonly xor2: Candidate;
};

function pickCells(libraries: readonly LibertyLibrary[], files: string, warnings: Set<string>): Picked {
  const found = combinationalCells(libraries, warnings);
  const pick = (inputs: number, wanted: readonly number[], inverted = false): Candidate | undefined =>
    smallestOf(found.filter((c) => c.inputs.length === inputs).map((c) => matchOutputs(c, wanted, inverted)));
  const need = (role: string, inputs: number, table: number): Candidate => {
    const candidate = pick(inputs, [table]);
    if (candidate) return candidate;
    throw new FixynnError("FX7005", `the library has no usable ${role} cell`, {
      place: files,
      hint: "give all files of the library together",
    });
  };
  return {
    fullAdder: pick(3, fullAdderTables, true),
    halfAdder: pick(2, halfAdderTables, true),
    mux2: smallestOf(
      found.filter(
        (c) => c.inputs.length === 3 && c.outputs.length === 1 && mux2Tables.has(c.outputs[0]!.function),
      ),
    ),
    inverter: need("inverter", 1, tables.not),
    nand2: need("two-input nand", 2, tables.nand2),
    and2: need("two-input and", 2, tables.and2),
    or2: need("two-input or", 2, tables.or2),
    xor2: need("two-input xor", 2, tables.xor2),
  };
}

/** Mean input pin of the full adder, else of the xor, fF. */
function typicalPinFf({ fullAdder, xor2 }: Picked): number {
  const typical = fullAdder ?? xor2;
  return mean(typical.inputs.map((pin) => capacitanceFf(typical.library, pin)));
}

/** Load: twice an input pin of the full adder (else of the xor). Slew: the one that it gives at that load and slew. */
function operatingPoint({ fullAdder, xor2 }: Picked, pinFf: number): Omit<Point, "netFf"> {
  const typical = fullAdder ?? xor2;
  const loadFf = 2 * pinFf;
  let slewPs = 0;
  for (let i = 0; i < 20; i++) {
    slewPs = mean(
      typical.outputs.map(({ pin }) => transitionPs(typical.library, pin, { slewPs, loadFf, netFf: loadFf })),
    );
  }
  return { slewPs, loadFf };
}

/** Charge an inverter for each inverted output of an adder. */
function correctPolarity(
  candidate: Candidate,
  role: string,
  inverter: TechnologyCell,
  { point, net, warnings }: Context,
): TechnologyCell {
  const cell = measure(candidate, point, warnings);
  const inverted = candidate.outputs.filter((o) => o.inverted).length;
  if (inverted === 0) return cell;
  warnings.add(
    `${role}: ${candidate.name} has ${inverted} inverted output(s); an inverter each is charged, an upper bound, since alternating polarity saves some`,
  );
  const whole = compose(
    [
      {
        count: 1,
        cell,
        onPath: 1,
        togglesPerOutput: 1,
        ...(inverted === candidate.outputs.length
          ? { innerFf: inverter.inputCapacitanceFf + net.wireFf }
          : {}),
      },
      { count: inverted, cell: inverter, onPath: 1, togglesPerOutput: inverted / candidate.outputs.length },
    ],
    cell,
    net,
  );
  return withCarry(whole, (cell.carryDelayPs ?? 0) + inverter.delayPs);
}

/**
 * Turn Liberty files, read as one library, into a technology table. Cells are found by their Boolean functions, not by
 * name: for each role the smallest usable cell. What the library lacks is composed of its other cells, and says so in `notes`.
 *
 * Operating point: tables are read at a load of twice an input pin of the full adder (one driven pin, and a generous wire: generated
 * pipelines depend on these delays) and at the slew that a full adder (else a two-input xor) gives at that load and slew (fixed point). The
 * charge in `energyPerTogglePj` is that of one such pin and the wire of fan-out 1; energies without it are given beside, for those
 * who know the fan-out of a net (`wire`).
 *
 * @param files `.lib` or `.lib.gz`
 * @throws FixynnError FX7000-FX7004 for unreadable files, FX7005 when a necessary cell is absent, FX7006 when the files disagree in supply or
 *   the figures cannot be (a negative delay, say)
 */
export function importTechnology(files: readonly string[], options: ImportOptions): Technology {
  const libraries = files.map(openLibrary);
  const first = libraries[0];
  if (!first)
    throw new FixynnError("FX7005", "no Liberty file given", { hint: "name at least one .lib file" });
  const place = files.map((file) => basename(file)).join(" ");
  const supplies = new Set(libraries.map(({ units }) => units.supplyV));
  if (supplies.size > 1) {
    throw new FixynnError("FX7006", `the files are of different supplies: ${[...supplies].join(", ")} V`, {
      place,
      hint: "give the files of one corner",
    });
  }
  const warnings = new Set<string>();
  const picked = pickCells(libraries, place, warnings);
  const pinFf = typicalPinFf(picked);
  const wire =
    wireModel(libraries, picked.nand2.areaUm2, options.wire, warnings) ?? assumedWire(pinFf, warnings);
  const wireFf = wireCapacitanceFf(wire, 1).nominal;
  const net = { supplyV: first.units.supplyV, wireFf };
  const point: Point = { ...operatingPoint(picked, pinFf), netFf: pinFf + wireFf };
  const read = (candidate: Candidate): TechnologyCell => measure(candidate, point, warnings);
  const gates = {
    inverter: read(picked.inverter),
    nand2: read(picked.nand2),
    and2: read(picked.and2),
    or2: read(picked.or2),
    xor2: read(picked.xor2),
  };
  const adders = {
    fullAdder: picked.fullAdder
      ? correctPolarity(picked.fullAdder, "full adder", gates.inverter, { point, net, warnings })
      : composedCells.fullAdder(gates, net),
    halfAdder: picked.halfAdder
      ? correctPolarity(picked.halfAdder, "half adder", gates.inverter, { point, net, warnings })
      : composedCells.halfAdder(gates, net),
    mux2: picked.mux2 ? read(picked.mux2) : composedCells.mux2(gates, net),
  };
  const typicalName = (picked.fullAdder ?? picked.xor2).name;
  for (const cell of Object.values(adders)) {
    if (cell.composed && !cell.cell.startsWith(typicalName)) warnings.add(`composed: ${cell.cell}`);
  }
  const flops = importFlipFlops(libraries, { ...gates, mux2: adders.mux2 }, { point, net, warnings }, place);

  const clockLoadFf =
    clockGateFanOut * flops.flipFlop.clockPinCapacitanceFf + wireCapacitanceFf(wire, clockGateFanOut).nominal;
  const latchCells = importLatches(libraries, adders.mux2, point, warnings);
  const gate = pickClockGate(clockGates(libraries));
  if (!gate) warnings.add("clock gate: the library has none; a latch and an and gate are charged");
  const clockGate = gate
    ? measureClockGate(gate, point.slewPs, clockLoadFf, warnings)
    : composeClockGate(latchCells.forGate, latchCells.gateOpenAt, gates, first.units.supplyV);

  const libraryNames = libraries.map(({ group }) => group.args[0] ?? "");
  const table: Technology = {
    schema: "fixynn.technology.v2",
    name: options.name,
    nodeNm: options.nodeNm,
    supplyV: first.units.supplyV,
    source: {
      libraries: libraryNames,
      files: libraries.map(({ file }) => file),
      licence: options.licence,
      origin: options.origin,
    },
    operatingPoint: {
      slewPs: round(point.slewPs),
      loadFf: round(point.loadFf),
      netFf: round(point.netFf),
      rule: "delays and internal energies: load of two full-adder input pins, slew of a full adder at this load; charge of a net: one such pin and the wire of fan-out 1",
    },
    cells: roundAll({ ...adders, ...gates, ...flops, latch: latchCells.latch }),
    clockGate: roundAll(clockGate),
    wire: roundAll(wire),
    sram: roundAll(
      sramModel(`${options.name} ${libraryNames.join(" ")}`, options.nodeNm, latchCells.latch.leakageNw),
    ),
    notes: [...warnings],
  };
  const checked = technologySchema.safeParse(table);
  if (checked.success) return table;
  throw new FixynnError(
    "FX7006",
    `the library gives figures that cannot be: ${z.prettifyError(checked.error)}`,
    {
      place,
      hint: "is a table or a unit of the file wrong?",
    },
  );
}

const round = (value: number): number => Number(value.toPrecision(6));

/** Round every number to six digits, so that tables are small and equal on every machine. */
function roundAll<T>(value: T): T {
  const go = (v: unknown): unknown => {
    if (typeof v === "number") return round(v);
    if (Array.isArray(v)) return v.map(go);
    if (v === null || typeof v !== "object") return v;
    return Object.fromEntries(Object.entries(v).map(([key, entry]) => [key, go(entry)]));
  };
  return go(value) as T;
}
