import { z } from "zod";
import { FixynnError } from "../core/index.js";

const count = z.int().min(0);
const amount = z.number().min(0);
const fraction = z.number().min(0).max(1);

/**
 * Where a number comes from: `modelled` from counts times table figures, `simulated` by running the emitted design,
 * `synthesized` by mapping it to a cell library, `published` by others.
 */
export const tierSchema = z
  .enum(["modelled", "simulated", "synthesized", "published"])
  .meta({ id: "tier", description: "where a number comes from" });

const rangeSchema = z
  .strictObject({ low: amount, nominal: amount, high: amount })
  .meta({ id: "range", description: "an estimate with its bounds" });

const tensorShape = z
  .array(z.int().min(1))
  .describe("[height, width, channels] or [features], without the batch");

const accuracyValueSchema = z
  .strictObject({
    value: fraction.describe("top-1 accuracy, 0 to 1"),
    images: z.int().min(1).describe("test images that it was measured on"),
    seeds: z.array(fraction).min(2).optional().describe("of each training; value is their mean"),
  })
  .meta({ id: "accuracyValue", description: "an accuracy with its image count" });

const mismatchSchema = z
  .strictObject({
    layer: z.string(),
    image: count.describe("index of the image within those simulated"),
    row: count.optional(),
    column: count.optional(),
    channel: count.optional(),
    expected: z.int().describe("value of the integer reference"),
    actual: z.int().describe("value of the simulated design"),
  })
  .meta({ id: "mismatch" });

const comparisonFields = {
  images: count,
  values: count.describe("values compared"),
  mismatches: count,
};

const layerSchema = z
  .strictObject({
    name: z.string(),
    kind: z.string(),
    inputShape: tensorShape,
    outputShape: tensorShape,
    macs: count.describe("multiply-accumulates per image, zero weights included"),
    weights: count,
    frozen: z.boolean(),
    zeroShare: fraction.optional().describe("share of integer weights that are zero"),
    csdDigits: count.optional().describe("non-zero canonical signed digits of all weights"),
    adders: z
      .strictObject({
        fullAdders: count,
        halfAdders: count,
        carryPropagateBits: count.describe("bits of the final carry-propagate adders"),
      })
      .optional(),
    registerBits: count.optional(),
    sramBits: count.optional(),
    areaMm2: amount.optional(),
    areaPartsMm2: z
      .strictObject({ datapath: amount, registers: amount, sram: amount, rom: amount })
      .partial()
      .optional()
      .describe("areaMm2 split up"),
    requantizationMm2: amount
      .optional()
      .describe("scaling, rounding and clamps without their registers: a share of areaPartsMm2.datapath"),
    energyUj: amount.optional().describe("per image"),
    energyRangeUj: rangeSchema.optional().describe("of energyUj"),
    glitchFactor: amount
      .optional()
      .describe(
        "energy of all transitions over that of settled ones, simulated with delays; absent: not simulated so",
      ),
    energyPartsUj: z
      .strictObject({ datapath: amount, registers: amount, sram: amount, rom: amount })
      .partial()
      .optional()
      .describe("energyUj split up"),
    cyclesPerFrame: count.optional(),
    utilization: fraction.optional().describe("share of those cycles in which the datapath works"),
    verified: z
      .strictObject(comparisonFields)
      .optional()
      .describe("this layer's output compared with the integer reference"),
  })
  .meta({ id: "layer" });

const freezePointSchema = z
  .strictObject({
    layer: z.string().describe("last frozen layer"),
    frozenLayers: count,
    frozenParams: count,
    frozenMacs: count.describe("multiply-accumulates per image in silicon"),
  })
  .meta({ id: "freezePoint" });

const trainingSchema = z
  .strictObject({
    epochs: amount,
    seconds: amount,
    imagesSeen: count.describe("training images presented, repeats included"),
    learningRate: amount.optional().describe("peak of the schedule"),
    trials: z
      .array(z.strictObject({ learningRate: amount, validationAccuracy: fraction }))
      .optional()
      .describe("the search of the learning rate"),
    loss: z.number().optional().describe("mean cross-entropy of the last epoch, nats"),
  })
  .meta({ id: "training" });

const fineTuningSchema = z
  .strictObject({
    float: fraction,
    before: fraction.describe("integer network as calibrated"),
    after: fraction.describe("integer network after fine-tuning"),
    kept: z.boolean().describe("whether the fine-tuned network is the one measured"),
  })
  .meta({ id: "fineTuning", description: "top-1 accuracies on validation images" });

const datasetSchema = z
  .strictObject({
    name: z.string(),
    classes: z.int().min(1),
    train: count.describe("training images"),
    test: count.describe("test images"),
    source: z.string().optional().describe("origin and terms"),
    accuracy: z
      .strictObject({
        unfrozen: accuracyValueSchema.describe("float network with every layer retrained"),
        unfrozenInt8: accuracyValueSchema.describe("golden executor of that network, quantized as a whole"),
        float: accuracyValueSchema.describe("float network with the front frozen"),
        int8: accuracyValueSchema.describe("golden executor of the integer network"),
        hardware: accuracyValueSchema.describe(
          "front from the simulated design, tail from the golden executor",
        ),
      })
      .partial(),
    training: z
      .strictObject({ unfrozen: trainingSchema, tail: trainingSchema })
      .partial()
      .optional()
      .describe("how the two networks were trained"),
    fineTuning: z
      .strictObject({ unfrozen: fineTuningSchema, tail: fineTuningSchema })
      .partial()
      .optional()
      .describe("quantization-aware fine-tuning, where calibration alone lost too much"),
  })
  .meta({ id: "dataset" });

const rtlSchema = z
  .strictObject({
    dir: z.string().describe("folder of the deliverable, relative to the run directory"),
    modules: count,
    lines: count.describe("lines of SystemVerilog"),
    verified: z
      .strictObject({
        simulator: z.string(),
        ...comparisonFields,
        firstMismatch: mismatchSchema.optional(),
      })
      .optional(),
    judges: z
      .array(
        z.strictObject({
          simulator: z.string(),
          ...comparisonFields,
          firstMismatch: mismatchSchema.optional(),
        }),
      )
      .optional()
      .describe("independent simulators on the shipped testbench"),
  })
  .meta({ id: "rtl" });

const systemTaskSchema = z.strictObject({
  dataset: z.string(),
  ...comparisonFields,
  accuracy: accuracyValueSchema.describe("by the simulated chip's logits"),
  cyclesPerFrame: count.describe("between the results of two frames"),
  predictedCyclesPerFrame: count.describe("by the engine's cycle model"),
  firstFrameCycles: count.describe("from the first register write to the first frame's result"),
  utilization: fraction.describe("multiply-accumulates over multipliers × cyclesPerFrame"),
  stallCycles: z
    .strictObject({ weights: count, input: count, transfers: count, drain: count })
    .describe("of all frames, by cause"),
  macs: count.describe("multiply-accumulates of the tail, a frame"),
  programBytes: count,
  weightBytesPerFrame: count.describe("read from external memory"),
  activationBytesPerFrame: count.describe("to and from external memory, the result included"),
  switching: z
    .strictObject({ registerWrites: count, weightBytes: count })
    .describe("what going from another task to this one takes"),
});

const systemSchema = z
  .strictObject({
    simulator: z.string(),
    ...comparisonFields,
    firstMismatch: mismatchSchema.optional(),
    cyclesPerFrame: count.describe("of the slowest task"),
    dir: z
      .string()
      .describe("folder of the chip's RTL, programs and testbench, relative to the run directory"),
    engine: z.strictObject({
      cPar: count.describe("input channels a lane"),
      kPar: count.describe("lanes, an output channel each"),
      weightBufferBytes: count,
      activationBufferBytes: count,
      memory: z
        .strictObject({ latencyCycles: count, bytesPerCycle: amount })
        .describe("that was simulated behind the port"),
    }),
    cost: z
      .strictObject({
        technology: z.string(),
        tier: tierSchema.describe("of the engine's cells; energies are simulated with delays on real layers"),
        source: z.string(),
        clockMhz: amount.describe("that its netlist and memories allow in this technology"),
        areaMm2: rangeSchema.describe("placed, memories included"),
        unitsMm2: z.record(z.string(), amount).describe("areaMm2 split up"),
        leakageMw: rangeSchema,
        tasks: z.array(
          z.strictObject({
            dataset: z.string(),
            energyPerFrameUj: rangeSchema.describe("without leakage and external memory"),
            memoryEnergyPerFrameUj: rangeSchema.describe("of the external memory"),
          }),
        ),
      })
      .optional()
      .describe("of the engine"),
    tasks: z.array(systemTaskSchema).min(1).describe("run one after another on one chip"),
    judges: z
      .array(
        z.strictObject({
          simulator: z.string(),
          part: z.enum(["chip", "engine"]).describe("the engine alone is fed with the front's bytes"),
          module: z.string(),
          images: count,
          values: count,
          outcome: z.enum(["equal", "different", "notFinished"]),
          detail: z.string().optional(),
        }),
      )
      .optional()
      .describe("independent simulators on the shipped testbench"),
  })
  .meta({ id: "system", description: "front end and engine simulated together: images in, logits out" });

const throughputFields = {
  framesPerSecond: amount,
  tops: amount.describe("tera-operations per second; a multiply-accumulate counts as two"),
  topsPerWatt: amount,
};

const costSchema = z
  .strictObject({
    technology: z.string(),
    tier: tierSchema,
    source: z.string().optional().describe("origin of the technology's figures"),
    clockMhz: amount,
    areaMm2: z
      .strictObject({
        datapath: amount,
        registers: amount,
        sram: amount,
        rom: amount,
        accelerator: amount,
      })
      .partial()
      .extend({ total: amount }),
    energyPerFrameUj: amount,
    energyPerFrameRangeUj: rangeSchema.optional(),
    ...throughputFields,
    topsPerWattRange: rangeSchema.optional(),
    topsPerMm2: amount,
    front: z
      .strictObject({
        technology: z.string().optional().describe("its own, when the whole is scaled to another"),
        clockMhz: amount.optional(),
        tier: tierSchema,
        areaMm2: amount,
        energyPerFrameUj: amount,
        energyPerFrameRangeUj: rangeSchema
          .optional()
          .describe(
            "wires, clock tree, memories, and the simulated sample; assumed activity where there is no sample",
          ),
        ...throughputFields,
        topsPerWattRange: rangeSchema.optional(),
      })
      .optional()
      .describe("the frozen front alone"),
    notes: z.array(z.string()).optional().describe("assumptions that the reader must know"),
  })
  .meta({ id: "cost" });

const baselineSchema = z
  .strictObject({
    name: z.string(),
    tier: tierSchema,
    source: z.string().optional(),
    areaMm2: amount,
    framesPerSecond: amount,
    tops: amount,
    topsPerWatt: amount,
    energyPerFrameUj: amount.optional(),
  })
  .meta({ id: "baseline" });

const gainSchema = z
  .strictObject({
    tier: tierSchema,
    topsPerWatt: amount.describe("ours over the baseline's"),
    topsPerWattRange: rangeSchema.optional(),
    framesPerSecond: amount.describe("ours over the baseline's"),
  })
  .meta({ id: "gain" });

const comparisonSideSchema = z.strictObject({
  name: z.string(),
  source: z.string(),
  framesPerSecond: amount,
  energyPerFrameUj: rangeSchema.describe("leakage and idle power included, DRAM not"),
  dramBytesPerFrame: amount,
  powerMw: rangeSchema.describe("without DRAM"),
  topsPerWatt: rangeSchema.describe("without DRAM"),
  topsPerWattWithDram: rangeSchema,
});

const equalAreaSchema = z
  .strictObject({
    accelerator: z.enum(["nvdla", "array"]),
    node: z.string(),
    tier: tierSchema,
    totalAreaMm2: amount.describe("of both sides"),
    cameraFramesPerSecond: amount
      .optional()
      .describe("frames/s that the camera gives; absent: as many as each side can"),
    feasible: z.boolean(),
    reason: z.string().optional().describe("why it is not feasible"),
    frontAreaMm2: rangeSchema.optional(),
    tail: z.string().optional().describe("accelerator beside the front"),
    whole: z.string().optional().describe("accelerator of the whole area"),
    hybrid: comparisonSideSchema.optional(),
    baseline: comparisonSideSchema.optional(),
    gain: z
      .strictObject({
        topsPerWatt: rangeSchema,
        topsPerWattWithDram: rangeSchema,
        framesPerSecond: rangeSchema,
      })
      .optional()
      .describe("hybrid over baseline"),
    notes: z.array(z.string()).optional(),
  })
  .meta({
    id: "equalArea",
    description: "frozen front and tail beside an all-programmable chip of the same area",
  });

const paperSchema = z
  .strictObject({
    tier: tierSchema,
    technology: z.string(),
    clockMhz: amount,
    areaMm2: amount,
    powerW: amount,
    ...throughputFields,
    baselineTopsPerWatt: amount,
    gain: amount.describe("topsPerWatt over baselineTopsPerWatt"),
    source: z.string().optional(),
    notes: z.array(z.string()).optional(),
  })
  .meta({ id: "paper", description: "the same network under the published coefficients of DeepFreeze" });

const noSystemSchema = z.string().describe("why front and engine were not simulated together");

const sweepEntrySchema = z.strictObject({
  freezePoint: freezePointSchema,
  datasets: z.array(datasetSchema).optional(),
  layers: z.array(layerSchema).optional(),
  rtl: rtlSchema.optional(),
  system: systemSchema.optional(),
  noSystem: noSystemSchema.optional(),
  cost: costSchema.optional(),
  baseline: baselineSchema.optional(),
  gain: gainSchema.optional(),
  comparison: z.array(equalAreaSchema).optional(),
  paper: paperSchema.optional(),
});

const machineSchema = z.strictObject({
  cpu: z.string(),
  cores: z.int().min(1),
  memoryGib: amount.optional(),
  os: z.string(),
  node: z.string(),
});

const stepSchema = z.strictObject({
  name: z.string(),
  seconds: amount,
  reused: z.boolean().optional().describe("taken from an earlier run; seconds are that run's"),
});

/** Identify the version of the contract; changes when a reader of the old one would misread the new one. */
export const resultsSchemaId = "fixynn.results.v1";

/** The contract of `results.json`. A field whose step has not run is absent, never zero. */
export const resultsSchema = z.strictObject({
  schema: z.literal(resultsSchemaId),
  tool: z.strictObject({ version: z.string(), gitCommit: z.string().optional() }),
  config: z.record(z.string(), z.json()).describe("the configuration with every default filled in"),
  seed: z.int(),
  machine: machineSchema,
  startedAt: z.iso.datetime(),
  seconds: amount.describe("whole run"),
  steps: z.array(stepSchema).optional().describe("in the order they ran"),
  backbone: z
    .strictObject({
      name: z.string(),
      inputShape: tensorShape,
      layers: count,
      params: count,
      macs: count,
      source: z.string().optional().describe("origin and terms"),
    })
    .optional(),
  freezePoint: freezePointSchema.optional().describe("the chosen one; sweep[] has all"),
  datasets: z.array(datasetSchema).optional(),
  layers: z.array(layerSchema).optional().describe("every layer of the backbone, in order"),
  rtl: rtlSchema.optional(),
  system: systemSchema.optional(),
  noSystem: noSystemSchema.optional(),
  cost: costSchema.optional(),
  baseline: baselineSchema.optional(),
  gain: gainSchema.optional(),
  comparison: z.array(equalAreaSchema).optional(),
  paper: paperSchema.optional(),
  sweep: z.array(sweepEntrySchema).optional().describe("one entry for every freeze point, shallow to deep"),
  pareto: z
    .array(
      z.strictObject({
        layer: z.string().describe("freeze point"),
        dataset: z.string(),
        accuracy: fraction,
        topsPerWatt: amount,
        framesPerSecond: amount,
        areaMm2: amount,
      }),
    )
    .optional(),
});

/** Provenance of a number. */
export type Tier = z.infer<typeof tierSchema>;
/** The content of `results.json`. */
export type Results = z.infer<typeof resultsSchema>;
/** One row of the per-layer table. */
export type LayerResult = z.infer<typeof layerSchema>;
/** One dataset with its accuracies and training records. */
export type DatasetResult = z.infer<typeof datasetSchema>;
/** A top-1 accuracy (0 to 1) and the number of images behind it. */
export type AccuracyValue = z.infer<typeof accuracyValueSchema>;
/** How one network was trained. */
export type TrainingRecord = z.infer<typeof trainingSchema>;
/** Where the network is cut. */
export type FreezePointResult = z.infer<typeof freezePointSchema>;
/** The emitted design and its verification. */
export type RtlResult = z.infer<typeof rtlSchema>;
/** Front and engine, simulated together. */
export type SystemResult = z.infer<typeof systemSchema>;
/** Location and values of a mismatch. */
export type MismatchResult = z.infer<typeof mismatchSchema>;
/** Area (mm²), energy (µJ a frame) and throughput of one design. */
export type CostResult = z.infer<typeof costSchema>;
/** The chip compared with. */
export type BaselineResult = z.infer<typeof baselineSchema>;
/** Ratios of ours to the baseline. */
export type GainResult = z.infer<typeof gainSchema>;
/** One comparison at equal area. */
export type EqualAreaResult = z.infer<typeof equalAreaSchema>;
/** An estimate with its bounds. */
export type RangeResult = z.infer<typeof rangeSchema>;
/** The estimate by the published coefficients. */
export type PaperResult = z.infer<typeof paperSchema>;
/** One freeze point with all that was found about it. */
export type SweepEntry = z.infer<typeof sweepEntrySchema>;
/** The computer of the run. */
export type MachineResult = z.infer<typeof machineSchema>;
/** Name and duration of one step. */
export type StepResult = z.infer<typeof stepSchema>;

/**
 * Check a value read from `results.json` against the contract.
 *
 * @throws FixynnError FX8010 with every wrong field
 */
export function parseResults(value: unknown, place = "results.json"): Results {
  const parsed = resultsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FixynnError("FX8010", `not a ${resultsSchemaId} file: ${z.prettifyError(parsed.error)}`, {
    place,
    hint: "see schemas/results.schema.json, or make the run again",
    cause: parsed.error,
  });
}

/** Return the JSON Schema (draft 2020-12) of {@link resultsSchema}: the content of `schemas/results.schema.json`. */
export function resultsJsonSchema(): Record<string, unknown> {
  return {
    title: "fixynn results.json",
    ...z.toJSONSchema(resultsSchema, { target: "draft-2020-12" }),
  };
}

/**
 * Return one entry for every freeze point: `sweep` when it is there, otherwise the chosen point alone, otherwise
 * nothing.
 */
export function freezePointsOf(results: Results): readonly SweepEntry[] {
  if (results.sweep !== undefined && results.sweep.length > 0) return results.sweep;
  const { freezePoint, datasets, layers, rtl, system, noSystem, cost, baseline, gain, comparison, paper } =
    results;
  if (freezePoint === undefined) return [];
  const made = { rtl, system, noSystem, cost, baseline, gain, comparison, paper };
  return [{ freezePoint, datasets, layers, ...made }];
}
