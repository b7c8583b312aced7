import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { FixynnError, packageRoot } from "../core/index.js";
import { MAXIMUM_CELLS } from "../cost/index.js";
import { datasetSpecSchema } from "../data/index.js";

const positive = z.int().min(1);

const encodingSchema = z
  .strictObject({ scale: z.number().positive(), offset: z.number() })
  .describe("what the network was trained on: real = scale · byte + offset");

const modelSchema = z.strictObject({
  path: z.string().min(1).describe("Keras .h5, or a graph written by fixynn (.json)"),
  encoding: encodingSchema.optional(),
  inputSide: positive.optional().describe("pixels, where the model leaves its input size open"),
});

const share = z.number().min(0).max(1);

const augmentationSchema = z
  .strictObject({
    shift: z.int().min(0).describe("largest shift, pixels of the stored image"),
    border: z.enum(["reflect", "zero"]),
    cutout: z.int().min(0).describe("side of a grey square, pixels; 0 for none"),
    jitter: z.strictObject({ brightness: share, contrast: share, saturation: share }),
    crop: z
      .strictObject({ minScale: z.number().gt(0).max(1), maxRatio: z.number().min(1) })
      .describe("random resized crops"),
  })
  .partial();

const overridesSchema = z
  .strictObject({
    epochs: positive,
    batch: positive,
    learningRate: z.number().positive(),
    weightDecay: z.number().min(0),
    labelSmoothing: z.number().min(0).max(0.5),
    mixup: z.number().min(0).max(1),
    augmentation: augmentationSchema,
    flip: z.boolean().describe("whether mirrored images keep their class"),
    images: positive.describe("train on the first so many images only"),
    views: positive.describe("augmented views of each image among the cached features"),
    patience: positive.describe("stop after so many epochs without a better validation accuracy"),
    seeds: positive.describe("trainings of each network, for mean and spread; default 1"),
  })
  .partial();

const trainingSchema = overridesSchema.extend({
  search: z
    .strictObject({
      trials: z.int().min(3).default(5).describe("short trainings at most"),
      factor: z.number().gt(1).default(2.5).describe("between neighbouring rates"),
      share: z.number().gt(0).max(1).default(0.1).describe("of the images that a training sees"),
    })
    .prefault({})
    .describe("search of the learning rate on validation images; not when learningRate is given"),
});

const DEFAULT_FREEZE_POINTS = ["conv_pw_1", "conv_pw_3", "conv_pw_5", "conv_pw_7", "conv_pw_9", "conv_pw_11"];
const DEFAULT_HARDWARE_POINTS = ["conv_pw_3", "conv_pw_7"];

/** Configuration of a run; every field has a default, and the defaults are the default job. */
const fieldsSchema = z.strictObject({
  model: modelSchema
    .default({ path: "default" })
    .describe('"default" is the backbone that ships with fixynn'),
  datasets: z
    .array(datasetSpecSchema)
    .min(1)
    .default([{ name: "cifar10" }]),
  freezePoints: z
    .array(z.string().min(1))
    .min(1)
    .default(DEFAULT_FREEZE_POINTS)
    .describe("last frozen layer of each design to try, shallow to deep"),
  hardwarePoints: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("freeze points to build hardware for; default: all, but two in the default job"),
  training: trainingSchema.prefault({}).describe("overrides of what is chosen by the number of images"),
  perDataset: z
    .record(z.string(), overridesSchema)
    .default({})
    .describe("overrides of training for single datasets, by name"),
  quantization: z
    .strictObject({
      mode: z.enum(["lean", "tflite", "shift"]).default("lean"),
      calibrationImages: positive.default(256),
    })
    .prefault({}),
  evaluation: z
    .strictObject({
      int8Images: positive.default(10_000).describe("test images through the golden executor"),
      hardwareImages: positive
        .default(128)
        .describe("test images through the simulated front, and through the whole chip"),
      verilatorSeconds: z
        .int()
        .min(0)
        .default(150)
        .describe(
          "for Verilator, where it is installed, to build and to run the deepest chip; 0: leave it out",
        ),
    })
    .prefault({}),
  engine: z
    .strictObject({
      cPar: z.int().default(16).describe("input channels that a lane multiplies in a cycle: 4 to 64"),
      kPar: z.int().default(16).describe("lanes, an output channel each: 4 to 32"),
      weightBufferBytes: positive.default(8 * 1024),
      activationBufferBytes: positive
        .optional()
        .describe("default: the smallest in which every tail keeps its tensors on chip"),
      memory: z
        .strictObject({
          bytesPerCycle: z.number().positive().default(16),
          latencyCycles: positive.default(40),
        })
        .prefault({})
        .describe("behind the chip's port, in its simulation"),
    })
    .prefault({})
    .describe("programmable engine behind the front"),
  cost: z
    .strictObject({
      technology: z.string().min(1).default("sky130hd"),
      clockMhz: z.number().positive().optional().describe("default: what the technology's cells allow"),
      totalAreaMm2: z
        .number()
        .positive()
        .default(3.3)
        .describe(
          "of both sides of the comparison at equal area, at 16 nm; default: the largest published NVDLA",
        ),
      cameraFramesPerSecond: z
        .array(z.number().positive())
        .default([30, 60, 240])
        .describe("compared at, beside the most frames that each side can do"),
      simulation: z
        .strictObject({
          images: positive.default(16).describe("test images, in equal shares of all datasets"),
          windows: positive.default(16).describe("windows of a layer's frame"),
          cycles: positive.default(3).describe("clock cycles of a window"),
          maximumCells: positive.default(MAXIMUM_CELLS).describe("gates and flip-flops of a layer, at most"),
        })
        .prefault({})
        .describe("energy by simulation of each layer with delays"),
    })
    .prefault({}),
  constants: z
    .strictObject({
      freezePoint: z.string().min(1).optional().describe("default: the deepest of freezePoints"),
      dataset: z.string().min(1).optional().describe("name; default: the first"),
      budgets: z
        .array(z.number().gt(0).max(1))
        .min(1)
        .default([0.7, 0.5, 0.4, 0.3, 0.2])
        .describe("shares of the front's signed digits that may stay"),
      boundPoints: z.number().min(0).default(1).describe("loss that is allowed, in percentage points"),
    })
    .prefault({})
    .describe("cheaper constants of the front, for fixynn constants"),
  seed: z.int().min(0).default(1),
  threads: z.int().min(1).max(64).default(2),
});

/** The fields, with what depends on others filled in. */
export const configSchema = fieldsSchema.transform((config) => {
  const isDefault = config.freezePoints.join() === DEFAULT_FREEZE_POINTS.join();
  const all = isDefault ? DEFAULT_HARDWARE_POINTS : config.freezePoints;
  return { ...config, hardwarePoints: config.hardwarePoints ?? all };
});

/** A configuration as a user writes it. */
export type ConfigInput = z.input<typeof configSchema>;
/** A configuration with every default filled in. */
export type Config = z.output<typeof configSchema>;

/** A configuration and the folder that its relative paths start from. */
export type LoadedConfig = { readonly config: Config; readonly baseFolder: string };

/** Path of the backbone that ships with fixynn. */
export const DEFAULT_MODEL: string = join(packageRoot, "models", "mobilenet-v1-025-48-cifar100.json");

/**
 * Check a configuration and fill in its defaults.
 *
 * @throws FixynnError FX8002 with the first wrong field
 */
export function parseConfig(value: unknown, place = "configuration"): Config {
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new FixynnError("FX8002", `${field === "" ? "" : `${field}: `}${issue?.message ?? "not valid"}`, {
    place,
    hint: "docs/flow.md lists the fields and their defaults",
  });
}

/**
 * Read a configuration file; without one, the defaults.
 *
 * @throws FixynnError FX8003 when the file is missing or no JSON, FX8002 when a field is wrong
 */
export function loadConfig(path: string | undefined): LoadedConfig {
  if (path === undefined) return { config: parseConfig({}), baseFolder: process.cwd() };
  if (!existsSync(path)) {
    throw new FixynnError("FX8003", "no such configuration file", {
      place: path,
      hint: "give --config FILE",
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX8003", `not JSON: ${reason}`, {
      place: path,
      hint: "check commas and quotes",
      cause,
    });
  }
  return { config: parseConfig(value, path), baseFolder: dirname(resolve(path)) };
}
