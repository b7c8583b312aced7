import { resolve } from "node:path";
import { z } from "zod";
import { FixynnError, type ProgressListener } from "../core/index.js";
import type { Dataset } from "./dataset.js";
import { FETCHABLE_SETS, fetchSet } from "./fetch/fetch.js";
import { readCifar10 } from "./readers/cifar10.js";
import { readCifar100 } from "./readers/cifar100.js";
import { readFolder } from "./readers/folder.js";
import { readGtsrb32 } from "./readers/gtsrb32.js";
import { readMnist } from "./readers/mnist.js";
import { resizeSplit } from "./split.js";

const path = z.string().min(1).describe("Folder of the files, relative to the configuration file");
const title = z.string().min(1).optional().describe("Name in the report");

const namedSchema = z.strictObject({
  name: z.enum(["cifar10", "mnist"]).describe("A known set, fetched on demand and cached"),
});

const kindSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("cifar10"), path, name: title }),
  z.strictObject({
    kind: z.literal("cifar100"),
    path,
    name: title,
    labels: z.enum(["fine", "coarse"]).default("fine").describe("100 fine or 20 coarse classes"),
  }),
  z.strictObject({ kind: z.literal("gtsrb32"), path, name: title }),
  z.strictObject({
    kind: z.literal("mnist"),
    path,
    name: title,
    rgb: z.boolean().default(true).describe("Repeat the grey value in three channels"),
    classes: z.array(z.string().min(1)).min(2).optional().describe("Class names in label order"),
  }),
  z
    .strictObject({
      kind: z.literal("folder"),
      path,
      name: title,
      resize: z
        .enum(["crop", "squash", "exact"])
        .default("crop")
        .describe("Scale the short side and cut the centre; scale both sides; or demand the size"),
      shortSide: z.int().positive().optional().describe("Under crop: the short side after scaling, pixels"),
      testFraction: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.2)
        .describe("Share of each class for testing when there is no train/ and test/"),
      seed: z.int().min(0).default(1).describe("Seed of that division"),
    })
    .refine((spec) => spec.shortSide === undefined || spec.resize === "crop", {
      path: ["shortSide"],
      message: 'only with "resize": "crop"',
    }),
]);

/** What {@link loadDataset} reads: a known set by name, or files of a kind at a path. */
export const datasetSpecSchema = z.union([kindSchema, namedSchema]);
/** A dataset as a configuration names it. */
export type DatasetSpec = z.input<typeof datasetSpecSchema>;
type ParsedSpec = z.output<typeof datasetSpecSchema>;

/** Options of {@link loadDataset}. */
export type LoadOptions = {
  /** Folder for downloads; default `FIXYNN_CACHE`, `$XDG_CACHE_HOME/fixynn` or `~/.cache/fixynn`. */
  readonly cacheFolder?: string | undefined;
  /** Side of the images, pixels. Needed for folders; other sets are resized when it is given, else keep their size. */
  readonly side?: number | undefined;
  /** Folder that relative paths start from; default the working directory. */
  readonly baseFolder?: string | undefined;
  readonly onProgress?: ProgressListener | undefined;
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
};

/** Check a spec with the schema of its own branch, so that the message is about what the user wrote. */
function parseSpec(spec: unknown): ParsedSpec {
  const isKind = typeof spec === "object" && spec !== null && "kind" in spec;
  const result = isKind ? kindSchema.safeParse(spec) : namedSchema.safeParse(spec);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = ["dataset", ...(issue?.path ?? [])].join(".");
  throw new FixynnError("FX2011", issue?.message ?? "not a dataset", {
    place,
    hint: 'e.g. { "name": "cifar10" } or { "kind": "folder", "path": "images" }',
  });
}

async function readSpec(spec: ParsedSpec, options: LoadOptions): Promise<Dataset> {
  if (!("kind" in spec)) {
    const folder = await fetchSet(FETCHABLE_SETS[spec.name], options);
    return spec.name === "cifar10" ? readCifar10(folder) : readMnist(folder);
  }
  const folder = resolve(options.baseFolder ?? ".", spec.path);
  switch (spec.kind) {
    case "cifar10":
      return readCifar10(folder);
    case "cifar100":
      return readCifar100(folder, spec.labels);
    case "gtsrb32":
      return readGtsrb32(folder);
    case "mnist":
      return readMnist(folder, { rgb: spec.rgb, ...(spec.classes && { classes: spec.classes }) });
    case "folder": {
      const { side, onProgress } = options;
      if (side === undefined) {
        throw new FixynnError("FX2011", "a folder of images needs the side to resize to", {
          place: folder,
          hint: "give the network's input side",
        });
      }
      const { resize, shortSide, testFraction, seed } = spec;
      if (shortSide !== undefined && shortSide < side) {
        throw new FixynnError("FX2011", `${shortSide} is below the side of the images, ${side}`, {
          place: "dataset.shortSide",
          hint: "leave it out or make it larger",
        });
      }
      return readFolder(folder, {
        side,
        resize,
        testFraction,
        seed,
        ...(shortSide !== undefined && { shortSide }),
        ...(onProgress !== undefined && { onProgress }),
      });
    }
  }
}

/**
 * Load a dataset: fetch it if it is a known set, read and check its files, and resize its images.
 *
 * @param spec see {@link datasetSpecSchema}; checked here, so any value may come in
 * @throws FixynnError FX2011 for a bad spec; the errors of the readers and of `fetchSet`
 */
export async function loadDataset(spec: unknown, options: LoadOptions = {}): Promise<Dataset> {
  const parsed = parseSpec(spec);
  const dataset = await readSpec(parsed, options);
  const name = parsed.name ?? dataset.name;
  const { side } = options;
  if (side === undefined) return { ...dataset, name };
  return { ...dataset, name, train: resizeSplit(dataset.train, side), test: resizeSplit(dataset.test, side) };
}
