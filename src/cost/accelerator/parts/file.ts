import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FixynnError, packageRoot } from "../../../core/index.js";
import { type PartName, partNames } from "../types.js";

const amount = z.number().min(0);
const rangeSchema = z.strictObject({ low: amount, nominal: amount, high: amount });

const partSchema = z.strictObject({
  areaUm2: amount.describe("of mapped cells, not placed"),
  leakageNw: amount,
  delayPs: amount.describe("longest path by static timing, set-up included"),
  energyPjPerOperation: rangeSchema.describe("clock included"),
  glitchFactor: amount.describe("priced transitions with glitches over settled ones"),
  latencyCycles: z.int().min(0).describe("clock cycles"),
  instances: z.int().min(1),
  flipFlops: z.int().min(0),
});

/** JSON form of synthesized parts: `technologies/parts/NAME.json`. */
export const partsFileSchema = z.strictObject({
  schema: z.literal("fixynn.accelerator-parts.v1"),
  technology: z.string().min(1),
  nodeNm: z.number().positive(),
  supplyV: z.number().positive(),
  clockPeriodPs: z.number().positive().describe("that the parts are pipelined for"),
  source: z.strictObject({ libraries: z.array(z.string()), tool: z.string(), command: z.string() }),
  operands: z.string().describe("what the energies were simulated with"),
  parts: z.strictObject(
    Object.fromEntries(partNames.map((part) => [part, partSchema])) as {
      [Part in PartName]: typeof partSchema;
    },
  ),
  notes: z.array(z.string()),
});

/** Synthesized parts of one technology. */
export type PartsFile = z.infer<typeof partsFileSchema>;

/** Path of a technology's synthesized parts. */
export const partsPath = (technology: string): string =>
  join(packageRoot, "technologies", "parts", `${technology}.json`);

/**
 * Read the synthesized parts that ship for a technology; undefined when there are none.
 *
 * @throws FixynnError FX7071 for a file that is none
 */
export function readParts(technology: string): PartsFile | undefined {
  const path = partsPath(technology);
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new FixynnError("FX7071", "cannot read the parts", { place: path, cause });
  }
  const parsed = partsFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new FixynnError("FX7071", `not a file of parts: ${z.prettifyError(parsed.error)}`, {
    place: path,
    hint: "make it again with: npm run reproduce -- parts",
  });
}
