import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FixynnError, packageRoot } from "../../core/index.js";
import { cellRoles } from "../technology.js";

const factorsSchema = z.partialRecord(z.enum(cellRoles), z.number().min(0));

/** JSON form of the area calibration. */
export const areaCalibrationSchema = z.strictObject({
  schema: z.literal("fixynn.areaCalibration.v1"),
  source: z.strictObject({
    command: z.string(),
    library: z.string(),
    engine: z.string(),
    networks: z.array(z.strictObject({ name: z.string(), layers: z.number().int() })),
    method: z.string(),
  }),
  factors: z
    .strictObject({ datapath: factorsSchema, requantization: factorsSchema, control: factorsSchema })
    .describe("mapped area of a counted cell over the area of that cell, by component and role"),
  residuals: z
    .strictObject({
      datapath: z.number(),
      requantization: z.number(),
      control: z.number(),
    })
    .describe("root mean square of the relative error of each component over the calibration's layers"),
});

/** Factors from counted cells to their area after mapping. */
export type AreaCalibration = z.infer<typeof areaCalibrationSchema>;

/** Where the factors that ship are kept. */
export const AREA_CALIBRATION_FILE = join(packageRoot, "technologies", "calibration", "area.json");

let shipped: AreaCalibration | undefined;

/**
 * The factors that ship with the package, read once.
 *
 * @throws FixynnError FX7066 when the file is missing or no calibration
 */
export function areaCalibration(): AreaCalibration {
  if (shipped !== undefined) return shipped;
  const hint = "npm run reproduce -- area-calibration";
  try {
    shipped = areaCalibrationSchema.parse(JSON.parse(readFileSync(AREA_CALIBRATION_FILE, "utf8")));
  } catch (cause) {
    throw new FixynnError("FX7066", "no readable area calibration", {
      place: AREA_CALIBRATION_FILE,
      hint,
      cause,
    });
  }
  return shipped;
}
