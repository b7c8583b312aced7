import { z } from "zod";
import { FixynnError } from "../core/index.js";

const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
const accuracy = z.strictObject({
  value: fraction,
  images: z.int().min(1),
  seeds: z.array(fraction).min(2).optional(),
});

export const constantsSchemaId = "fixynn-constants-1";

const pointSchema = z.strictObject({
  share: fraction.describe("of the front's signed digits that may stay; 1: constants as quantized"),
  weights: count,
  zeroWeights: count,
  digits: count.describe("canonical signed digits of the weights"),
  fullAdders: count.describe("of the compiled front, nothing folded, requantizations included"),
  additions: count.describe("two-operand additions of the adder graphs"),
  learningRate: z.number().min(0).optional().describe("of the tail"),
  accuracy: z.strictObject({
    validation: fraction.describe("of the float tail, what the choice is made by"),
    float: accuracy.describe("test images, float tail behind the integer front"),
    int8: accuracy.describe("test images, golden executor"),
  }),
});

/** What cheaper constants of a frozen front save and cost, on one dataset; the first point is the front as it was quantized. */
export const constantsResultsSchema = z.strictObject({
  schema: z.literal(constantsSchemaId),
  tool: z.strictObject({ version: z.string(), gitCommit: z.string().optional() }),
  dataset: z.string(),
  freezePoint: z.string(),
  boundPoints: z.number().min(0).describe("loss on validation that is allowed, percentage points"),
  seed: count,
  points: z.array(pointSchema).min(1),
});

/** Content of `constants.json`. */
export type ConstantsResults = z.output<typeof constantsResultsSchema>;
export type ConstantsPoint = ConstantsResults["points"][number];

/**
 * Check the content of `constants.json`.
 *
 * @throws FixynnError FX8010 when it is something else
 */
export function parseConstantsResults(value: unknown, place = "constants.json"): ConstantsResults {
  const parsed = constantsResultsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FixynnError("FX8010", `no valid results: ${parsed.error.issues[0]?.message ?? "unknown"}`, {
    place,
    hint: "make them again with fixynn constants",
  });
}

/** Share of the unchanged front's full adders that a point saves. */
export function addersSaved({ points }: ConstantsResults, point: ConstantsPoint): number {
  const whole = points[0]!.fullAdders;
  return whole === 0 ? 0 : 1 - point.fullAdders / whole;
}

/** Find the point that saves most adders and loses at most the bound on validation; the unchanged front always qualifies. */
export function largestSaving(results: ConstantsResults): ConstantsPoint {
  const { points, boundPoints } = results;
  const first = points[0]!;
  const least = first.accuracy.validation - boundPoints / 100 - 1e-9;
  return points
    .filter(({ accuracy: { validation } }) => validation >= least)
    .reduce((best, point) => (point.fullAdders < best.fullAdders ? point : best), first);
}
