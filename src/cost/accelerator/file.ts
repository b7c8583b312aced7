import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FixynnError, packageRoot } from "../../core/index.js";
import { engineEvents } from "./events.js";
import { engineUnits } from "./units.js";

const amount = z.number().min(0);
const rangeSchema = z.strictObject({ low: amount, nominal: amount, high: amount });

const cellsSchema = z.strictObject({
  areaUm2: amount.describe("of cells, not placed"),
  leakageNw: amount,
});

const shapeSchema = z.strictObject({
  cPar: z.int().positive(),
  kPar: z.int().positive(),
  requantizers: z.int().positive(),
  units: z
    .partialRecord(z.enum(engineUnits), z.strictObject({ structural: cellsSchema, synthesized: cellsSchema }))
    .describe("memories are not in it"),
});

const pricesSchema = z.partialRecord(
  z.enum(engineUnits),
  z.strictObject({
    areaUm2: amount.describe("of the engine that the prices are of, for scaling"),
    pricesPj: z.partialRecord(z.enum(engineEvents), rangeSchema).describe("an event, its clock included"),
    residual: amount.describe("root mean square of what the prices leave of the windows' energies"),
  }),
);

const checkSchema = z.strictObject({
  cPar: z.int().positive(),
  kPar: z.int().positive(),
  layer: z.string(),
  tier: z.enum(["structural", "synthesized"]),
  measuredPj: amount.describe("of the windows of a run, without memories"),
  pricedPj: amount,
});

/** JSON form of an engine's cost: `technologies/engine/NAME.json`. */
export const engineFileSchema = z.strictObject({
  schema: z.literal("fixynn.engine-cost.v1"),
  technology: z.string().min(1),
  nodeNm: z.number().positive(),
  supplyV: z.number().positive(),
  targetPs: z.number().positive().describe("period that pipelines and adders are planned for"),
  periodPs: z.number().positive().describe("longest path with the technology's memories, before mapping"),
  mappedPeriodPs: z
    .number()
    .positive()
    .describe("longest path within a unit of the 16×16 engine after mapping, by static timing"),
  source: z.strictObject({ libraries: z.array(z.string()), tool: z.string(), command: z.string() }),
  shapes: z.array(shapeSchema).min(1),
  energy: z.strictObject({
    cPar: z.int().positive(),
    kPar: z.int().positive(),
    layers: z.array(z.string()).describe("layers that the runs are of"),
    structural: pricesSchema,
    synthesized: pricesSchema,
  }),
  checks: z.array(checkSchema).describe("other layers on other engines, measured and by the prices"),
  notes: z.array(z.string()),
});

/** Cost of the engine in one technology. */
export type EngineFile = z.infer<typeof engineFileSchema>;

/** Path of a technology's engine cost. */
export const engineFilePath = (technology: string): string =>
  join(packageRoot, "technologies", "engine", `${technology}.json`);

const kept = new Map<string, EngineFile | undefined>();

/**
 * Read the engine's cost that ships for a technology, once; undefined when there is none.
 *
 * @throws FixynnError FX7071 for a file that is none
 */
export function readEngineFile(technology: string): EngineFile | undefined {
  if (kept.has(technology)) return kept.get(technology);
  const path = engineFilePath(technology);
  const file = existsSync(path) ? parseEngineFile(path) : undefined;
  kept.set(technology, file);
  return file;
}

function parseEngineFile(path: string): EngineFile {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new FixynnError("FX7071", "cannot read the engine's cost", { place: path, cause });
  }
  const parsed = engineFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new FixynnError("FX7071", `not a file of an engine's cost: ${z.prettifyError(parsed.error)}`, {
    place: path,
    hint: "make it again with: npm run reproduce -- engine",
  });
}
