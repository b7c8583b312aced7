import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FixynnError, packageRoot } from "../core/index.js";

const amount = z.number().min(0);

const cellSchema = z.strictObject({
  cell: z.string().describe("library cells that make it up, e.g. `xor2 + and2`"),
  composed: z.boolean().describe("made up of several library cells, because the library has no such cell"),
  areaUm2: amount,
  leakageNw: amount,
  inputCapacitanceFf: amount.describe("mean over the data inputs"),
  internalEnergyPerTogglePj: z
    .number()
    .describe("one transition of one output at the table's slew and load, without charging the load"),
  energyPerTogglePj: z.number().describe("internal, and ½·C·V² of a typical net (`operatingPoint.netFf`)"),
  delayPs: amount.describe("worst arc, mean of rise and fall; clock to output of flip-flops"),
  carryDelayPs: amount.optional().describe("adders: the worst arc to the carry"),
});

const flipFlopSchema = cellSchema.extend({
  setupPs: z.number(),
  clockPinCapacitanceFf: amount,
  clockEnergyPerCyclePj: amount.describe("both clock edges, data quiet, clock pin charge included"),
  dataEnergyPerTogglePj: amount.describe("inside the cell, one transition of a data pin, mean over states"),
});

const latchSchema = cellSchema.extend({
  setupPs: z.number(),
  enablePinCapacitanceFf: amount,
  enableEnergyPerPulsePj: amount.describe("both edges of the enable, data quiet, pin charge included"),
});

const clockGateSchema = z.strictObject({
  cell: z.string(),
  composed: z.boolean(),
  areaUm2: amount,
  leakageNw: amount,
  clockPinCapacitanceFf: amount,
  enablePinCapacitanceFf: amount,
  energyPerEnabledCyclePj: amount.describe(
    "a cycle whose clock passes: clock pin charge and internal energy; the charge of the net that it drives is not included",
  ),
  energyPerDisabledCyclePj: amount.describe(
    "a cycle whose clock stops: clock pin charge and internal energy",
  ),
  setupPs: amount.describe("of the enable before the rising clock edge"),
  delayPs: amount.describe("clock to gated clock, driving `fanOut` flip-flops and the wire to them"),
  fanOut: z.number().int().positive(),
});

const rangeSchema = z.strictObject({ low: amount, nominal: amount, high: amount });

const wireSchema = z
  .strictObject({
    fanOuts: z.array(z.number().min(1)).min(1),
    lengthsUm: z.array(amount).min(1).describe("length of the net at each of `fanOuts`; linear between"),
    slopeUm: amount.describe("for each sink beyond the last of `fanOuts`"),
    capacitanceFfPerUm: amount,
    spread: rangeSchema.describe("factors on the capacitance: low, 1, high"),
    estimated: z.boolean().describe("lengths are not from the library"),
    source: z.string(),
  })
  .refine((wire) => wire.fanOuts.length === wire.lengthsUm.length, "one length for each fan-out");

const macroLawSchema = z.strictObject({
  area: z
    .strictObject({ cellUm2: amount, overheadColumns: amount, overheadRows: amount })
    .describe("cellUm2 × (columns + overheadColumns) × (rows + overheadRows)"),
  areaSpread: rangeSchema.describe("factors on the area"),
  energy: z
    .strictObject({
      fixedPj: z.number(),
      perColumnPj: z.number(),
      perColumnRootRowPj: z.number(),
      readShare: amount,
      writeShare: amount,
    })
    .describe("write-through access: fixedPj + columns × (perColumnPj + perColumnRootRowPj × √rows)"),
  energySpread: rangeSchema.describe("factors on the energy"),
  leakageNwPerBit: rangeSchema,
  access: z.strictObject({ fixedPs: amount, perRowPs: amount }),
  accessSpread: rangeSchema.describe("factors on the access time"),
});

const macroModelSchema = z.strictObject({
  singlePort: macroLawSchema,
  dualPort: macroLawSchema,
  limits: z.strictObject({
    columnMuxes: z.array(z.number().int().positive()).min(1),
    minimumRows: z.number().int().positive(),
    maximumRows: z.number().int().positive(),
    maximumColumns: z.number().int().positive(),
  }),
  source: z.string(),
});

const sramSchema = z.strictObject({
  areaUm2PerBit: rangeSchema,
  energyPjPerAccessedBit: rangeSchema,
  minimumPeriodPs: amount,
  macros: macroModelSchema,
  source: z.string(),
});

/** Cells that the structural tier prices. */
export const cellRoles = [
  "fullAdder",
  "halfAdder",
  "inverter",
  "nand2",
  "and2",
  "or2",
  "xor2",
  "mux2",
] as const;

/** JSON form of a technology table: one entry for each cell that the structural tier prices, and the SRAM model. */
export const technologySchema = z.strictObject({
  schema: z.literal("fixynn.technology.v2"),
  name: z.string().min(1),
  nodeNm: z.number().positive(),
  supplyV: z.number().positive(),
  source: z.strictObject({
    libraries: z.array(z.string()),
    files: z.array(z.strictObject({ name: z.string(), sha256: z.string() })),
    licence: z.string(),
    origin: z.string(),
  }),
  operatingPoint: z.strictObject({
    slewPs: amount,
    loadFf: amount.describe("where delays and internal energies are read"),
    netFf: amount.describe("charged and discharged by a toggle in `energyPerTogglePj`"),
    rule: z.string(),
  }),
  cells: z.strictObject({
    fullAdder: cellSchema,
    halfAdder: cellSchema,
    inverter: cellSchema,
    nand2: cellSchema,
    and2: cellSchema,
    or2: cellSchema,
    xor2: cellSchema,
    mux2: cellSchema,
    flipFlop: flipFlopSchema,
    enableFlipFlop: flipFlopSchema,
    syncResetFlipFlop: flipFlopSchema,
    scanFlipFlop: flipFlopSchema.describe(
      "`flipFlop` with a scan input; the overhead of test is the difference",
    ),
    latch: latchSchema,
  }),
  clockGate: clockGateSchema,
  wire: wireSchema,
  sram: sramSchema,
  notes: z.array(z.string()),
});

/** Figures of one technology: area (µm²), leakage (nW), energy (pJ), delay (ps) of each cell. */
export type Technology = z.infer<typeof technologySchema>;
/** Figures of one cell. */
export type TechnologyCell = z.infer<typeof cellSchema>;
/** Figures of one flip-flop. */
export type TechnologyFlipFlop = z.infer<typeof flipFlopSchema>;
/** Figures of a latch. */
export type TechnologyLatch = z.infer<typeof latchSchema>;
/** Figures of a clock gate: a latch and an and gate that stop a clock without glitches. */
export type TechnologyClockGate = z.infer<typeof clockGateSchema>;
/** Wire of a net by its fan-out. */
export type TechnologyWire = z.infer<typeof wireSchema>;
/** A low, a nominal and a high estimate. */
export type Range = z.infer<typeof rangeSchema>;
/** Laws of size of one kind of memory macro. */
export type MacroLaw = z.infer<typeof macroLawSchema>;
/** Memory macros of a technology: laws of one-port and two-port ones, and the sizes that there are. */
export type MacroModel = z.infer<typeof macroModelSchema>;
/** Size to area and energy of memories. */
export type SramModel = z.infer<typeof sramSchema>;

/** Length of a net's wire by its fan-out, µm: linear between the table's points, and beyond the last by its slope. */
export function wireLengthUm({ fanOuts, lengthsUm, slopeUm }: TechnologyWire, fanOut: number): number {
  const last = fanOuts.length - 1;
  const firstUm = lengthsUm[0] ?? 0;
  if (fanOut <= (fanOuts[0] ?? 1)) return fanOut <= 0 ? 0 : firstUm;
  if (fanOut >= (fanOuts[last] ?? 1))
    return (lengthsUm[last] ?? 0) + slopeUm * (fanOut - (fanOuts[last] ?? 1));
  const i = fanOuts.findIndex((n) => n > fanOut) - 1;
  const [from = 0, to = 0] = [lengthsUm[i], lengthsUm[i + 1]];
  return from + ((to - from) * (fanOut - (fanOuts[i] ?? 0))) / ((fanOuts[i + 1] ?? 0) - (fanOuts[i] ?? 0));
}

/** Capacitance of a net's wire by its fan-out, fF, the pins that it drives not included. */
export function wireCapacitanceFf(wire: TechnologyWire, fanOut: number): Range {
  const nominal = wireLengthUm(wire, fanOut) * wire.capacitanceFfPerUm;
  return { low: nominal * wire.spread.low, nominal, high: nominal * wire.spread.high };
}

const folder = join(packageRoot, "technologies");

/** Return the names of the tables that ship with the package. */
export function shippedTechnologies(): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -5))
    .sort();
}

/**
 * Read a technology table: the name of a shipped one (`sky130hd`) or the path of a JSON file.
 *
 * @throws FixynnError FX7010 unknown name or unreadable file, FX7011 not a technology table
 */
export function readTechnology(nameOrPath: string): Technology {
  const path = /[/\\]|\.json$/.test(nameOrPath) ? nameOrPath : join(folder, `${nameOrPath}.json`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX7010", `cannot read the technology: ${reason}`, {
      place: nameOrPath,
      hint: `give a JSON file or one of: ${shippedTechnologies().join(", ")}`,
      cause,
    });
  }
  const parsed = technologySchema.safeParse(json);
  if (!parsed.success) {
    throw new FixynnError("FX7011", `not a technology table: ${z.prettifyError(parsed.error)}`, {
      place: path,
      hint: "make one with: fixynn tech import FILE.lib",
    });
  }
  return parsed.data;
}
