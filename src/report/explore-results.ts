import { z } from "zod";
import { FixynnError } from "../core/index.js";

const count = z.int().min(0);
const amount = z.number().min(0);
const place = z.int().min(0);
const range = z.strictObject({ low: amount, nominal: amount, high: amount });
const bounds = z.strictObject({ low: amount, high: amount });
const parts = z.record(z.string(), amount).describe("by component; `total` is their sum");
/** A difference of accuracies: negative where freezing helps. */
const loss = z.number().min(-1).max(1);

/** Identify the version of the contract. */
export const exploreSchemaId = "fixynn.explore.v1";

const layerSchema = z
  .strictObject({
    name: z.string(),
    form: z.string().describe("`parallel`, or output channels × taps a cycle"),
    fifo: count.optional().describe("pixels that the memory in front of it holds"),
    cyclesPerFrame: amount,
    utilization: amount.max(1),
    areaUm2: parts,
    energyPj: parts.describe("a frame"),
  })
  .meta({ id: "exploreLayer", description: "a layer in one form, in the technology of the table" });

const frontSchema = z
  .strictObject({
    freezePoint: z.string(),
    folding: z
      .string()
      .describe("`none`, `auto CYCLES` an input pixel, `keep WEIGHTS`: parallel up to so many"),
    requantization: z.string(),
    periodPs: amount.describe("clock period that registers were inserted for"),
    layers: z.array(place).describe("places in layers[]"),
    cyclesPerFrame: amount,
    latencyCycles: amount,
    achievableClockMhz: amount,
    areaMm2: parts,
    energyPerFrameUj: parts.describe("at the achievable clock"),
    scaled: z
      .strictObject({ areaMm2: range, energyPerFrameUj: range })
      .describe("at the node of the comparison"),
    isMeasured: z.boolean().describe("whether accuracies were measured on this network"),
  })
  .meta({ id: "exploreFront" });

const pointSchema = z
  .strictObject({
    front: place.describe("place in fronts[]"),
    clockShare: z.number().gt(0).max(1).describe("of the clock that the cells allow"),
    clockMhz: amount,
    accelerator: place.optional().describe("place in accelerators[]; absent: nothing is left to run"),
    areaMm2: amount,
    areaRangeMm2: bounds,
    frontEnergyUj: amount,
    acceleratorEnergyUj: amount,
    dramEnergyUj: amount.describe("not in energyPerFrameUj"),
    energyPerFrameUj: amount,
    framesPerSecond: amount,
    latencyMs: amount,
    topsPerWatt: amount,
    topsPerWattRange: bounds,
    topsPerWattWithDram: amount,
    gain: amount.optional().describe("TOPS/W over those of an all-programmable accelerator of the same area"),
    gainWithDram: amount.optional(),
  })
  .meta({ id: "explorePoint", description: "a design at the node of the comparison" });

const taskSchema = z
  .strictObject({
    dataset: z.string(),
    frozen: amount.max(1),
    unfrozen: amount.max(1).optional(),
    images: z.int().min(1),
  })
  .meta({ id: "exploreTask", description: "top-1 accuracies, 0 to 1" });

const axis = z.enum(["topsPerWatt", "areaMm2", "latencyMs", "framesPerSecond", "loss"]);

/** What `fixynn explore` writes to `explore.json`. */
export const exploreSchema = z.strictObject({
  schema: z.literal(exploreSchemaId),
  tool: z.strictObject({ version: z.string(), gitCommit: z.string().optional() }),
  source: z.string().describe("the run, configuration or model that was explored"),
  seconds: amount,
  tier: z.literal("modelled"),
  network: z.strictObject({
    name: z.string(),
    inputShape: z.array(z.int().min(1)),
    layers: count,
    macs: count,
    ownRequantization: z.string(),
  }),
  technology: z.strictObject({ name: z.string(), nodeNm: amount, source: z.string() }),
  node: z.string().describe("of the comparison"),
  accelerator: z.string().describe("origin of the programmable accelerator's figures"),
  precision: z.enum(["float", "int8"]).optional().describe("of the accuracies; absent without any"),
  freezePoints: z.array(
    z.strictObject({
      layer: z.string(),
      frozenLayers: count,
      frozenMacs: count,
      tasks: z.array(taskSchema),
      loss: loss.optional().describe("largest of any task"),
    }),
  ),
  layers: z.array(layerSchema),
  fronts: z.array(frontSchema),
  accelerators: z.array(z.strictObject({ name: z.string(), areaMm2: amount })),
  references: z
    .array(z.strictObject({ name: z.string(), areaMm2: amount, topsPerWatt: amount }))
    .optional()
    .describe("published designs at the node of the comparison; on the network that their authors ran"),
  points: z.array(pointSchema),
  pareto: z.array(z.strictObject({ axes: z.array(axis), points: z.array(place), knee: place.optional() })),
  answers: z
    .array(
      z.strictObject({
        maxLoss: z.number().optional(),
        maxAreaMm2: amount.optional(),
        isFound: z.boolean(),
        freezePoint: z.string().optional(),
        point: place.optional(),
        reason: z.string().optional(),
      }),
    )
    .describe("the deepest freeze within bounds"),
  notes: z.array(z.string()),
  cache: z.strictObject({ computed: count, found: count, broken: count }),
});

/** The content of `explore.json`. */
export type ExploreResults = z.infer<typeof exploreSchema>;
/** A front as `explore.json` holds it. */
export type ExploreFront = ExploreResults["fronts"][number];
/** A design as `explore.json` holds it. */
export type ExplorePoint = ExploreResults["points"][number];
/** A figure that designs are compared by. */
export type ExploreAxis = z.infer<typeof axis>;

/** Refuse places that name nothing, so that a reader need not look twice. */
function checkPlaces({
  layers,
  fronts,
  accelerators,
  points,
  pareto,
  answers,
}: ExploreResults): string | undefined {
  const isPlace = (list: readonly unknown[]) => (at: number | undefined) =>
    at === undefined || at < list.length;
  if (!fronts.every((front) => front.layers.every(isPlace(layers)))) return "a front names no layer";
  if (!points.every(({ front }) => isPlace(fronts)(front))) return "a point names no front";
  if (!points.every(({ accelerator }) => isPlace(accelerators)(accelerator)))
    return "a point names no accelerator";
  const named = [...pareto.flatMap((one) => [...one.points, one.knee]), ...answers.map(({ point }) => point)];
  return named.every(isPlace(points)) ? undefined : "a Pareto front or answer names no point";
}

/**
 * Check a value read from `explore.json` against the contract.
 *
 * @throws FixynnError FX8010 with every wrong field, or a place that names nothing
 */
export function parseExploreResults(value: unknown, from = "explore.json"): ExploreResults {
  const parsed = exploreSchema.safeParse(value);
  const problem = parsed.success ? checkPlaces(parsed.data) : z.prettifyError(parsed.error);
  if (parsed.success && problem === undefined) return parsed.data;
  throw new FixynnError("FX8010", `not a ${exploreSchemaId} file: ${problem}`, {
    place: from,
    hint: "see schemas/explore.schema.json, or explore again",
  });
}

/** Return the JSON Schema (draft 2020-12) of {@link exploreSchema}: the content of `schemas/explore.schema.json`. */
export function exploreJsonSchema(): Record<string, unknown> {
  return { title: "fixynn explore.json", ...z.toJSONSchema(exploreSchema, { target: "draft-2020-12" }) };
}
