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
  energyPerTogglePj: z
    .number()
    .describe("one transition of one output at the table's slew and load: internal + ½·C·V² of the load"),
  delayPs: amount.describe("worst arc, mean of rise and fall; clock to output of flip-flops"),
  carryDelayPs: amount.optional().describe("adders: the worst arc to the carry"),
});

const flipFlopSchema = cellSchema.extend({
  setupPs: z.number(),
  clockEnergyPerCyclePj: amount.describe("both clock edges, data quiet, clock pin charge included"),
});

const rangeSchema = z.strictObject({ low: amount, nominal: amount, high: amount });

const sramSchema = z.strictObject({
  areaUm2PerBit: rangeSchema,
  energyPjPerAccessedBit: rangeSchema,
  leakageNwPerBit: amount,
  minimumPeriodPs: amount,
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
  schema: z.literal("fixynn.technology.v1"),
  name: z.string().min(1),
  nodeNm: z.number().positive(),
  supplyV: z.number().positive(),
  source: z.strictObject({
    libraries: z.array(z.string()),
    files: z.array(z.strictObject({ name: z.string(), sha256: z.string() })),
    licence: z.string(),
    origin: z.string(),
  }),
  operatingPoint: z.strictObject({ slewPs: amount, loadFf: amount, rule: z.string() }),
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
  }),
  sram: sramSchema,
  notes: z.array(z.string()),
});

/** Figures of one technology: area (µm²), leakage (nW), energy (pJ), delay (ps) of each cell. */
export type Technology = z.infer<typeof technologySchema>;
/** Figures of one cell. */
export type TechnologyCell = z.infer<typeof cellSchema>;
/** Figures of one flip-flop. */
export type TechnologyFlipFlop = z.infer<typeof flipFlopSchema>;
/** A low, a nominal and a high estimate. */
export type Range = z.infer<typeof rangeSchema>;
/** Size to area and energy of memories. */
export type SramModel = z.infer<typeof sramSchema>;

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
