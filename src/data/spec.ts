import { z } from "zod";
import { FixynnError } from "../core/index.js";

const path = z.string().min(1).describe("Folder of the files, relative to the configuration file");
const title = z.string().min(1).optional().describe("Name in the report");

const resize = z
  .enum(["crop", "squash", "exact"])
  .describe("Scale the short side and cut the centre; scale both sides; or demand the size");
const shortSide = z
  .int()
  .positive()
  .optional()
  .describe("Under crop: the short side after scaling, pixels; default the side of the images");
const undecodable = z
  .enum(["error", "skip"])
  .default("error")
  .describe("Images that do not decode: stop, or leave them out and count them");

/** Fields of every kind that is decoded from image files. */
const images = (defaultResize: z.output<typeof resize>) => ({
  path,
  name: title,
  resize: resize.default(defaultResize),
  shortSide,
  undecodable,
});

/** Files of a kind at a path. */
export const kindSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("cifar10"), path, name: title }),
    z.strictObject({
      kind: z.literal("cifar100"),
      path,
      name: title,
      labels: z.enum(["fine", "coarse"]).default("fine").describe("100 fine or 20 coarse classes"),
    }),
    z.strictObject({
      kind: z.literal("svhn"),
      path,
      name: title,
      extra: z.boolean().default(false).describe("Train on extra_32x32.mat as well"),
    }),
    z.strictObject({
      kind: z.literal("gtsrb"),
      ...images("squash"),
      roi: z.boolean().default(false).describe("Cut out the annotated sign, without its border"),
    }),
    z.strictObject({ kind: z.literal("gtsrb32"), path, name: title }),
    z.strictObject({ kind: z.literal("flowers102"), ...images("crop") }),
    z.strictObject({ kind: z.literal("flowers89"), ...images("crop") }),
    z.strictObject({
      kind: z.literal("aircraft"),
      ...images("squash"),
      labels: z
        .enum(["variant", "family", "manufacturer"])
        .default("variant")
        .describe("Level of the classes"),
    }),
    z.strictObject({
      kind: z.literal("mnist"),
      path,
      name: title,
      rgb: z.boolean().default(true).describe("Repeat the grey value in three channels"),
      classes: z.array(z.string().min(1)).min(2).optional().describe("Class names in label order"),
    }),
    z.strictObject({
      kind: z.literal("folder"),
      ...images("crop"),
      testFraction: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.2)
        .describe("Share of each class for testing when there is no train/ and test/"),
      seed: z.int().min(0).default(1).describe("Seed of that division"),
    }),
  ])
  .refine((spec) => !("shortSide" in spec) || spec.shortSide === undefined || spec.resize === "crop", {
    path: ["shortSide"],
    message: 'only with "resize": "crop"',
  });

const namedSchema = z.strictObject({
  name: z.string().min(1).describe("A known set or one that was added by `fixynn data add`"),
  resize: resize.optional(),
  shortSide,
  undecodable: undecodable.removeDefault().optional(),
});

/** What {@link loadDataset} reads: a set by name, or files of a kind at a path. */
export const datasetSpecSchema = z.union([kindSchema, namedSchema]);
/** A dataset as a configuration names it. */
export type DatasetSpec = z.input<typeof datasetSpecSchema>;
/** A kind of files at a path, with its defaults filled in. */
export type KindSpec = z.output<typeof kindSchema>;
/** A set by name, with what it changes of the set's description. */
export type NamedSpec = z.output<typeof namedSchema>;
/** Names of the kinds of files. */
export const DATASET_KINDS: readonly KindSpec["kind"][] = [
  ...["cifar10", "cifar100", "svhn", "gtsrb", "gtsrb32", "flowers102", "flowers89", "aircraft", "mnist"],
  "folder",
] as readonly KindSpec["kind"][];

/** Check a spec with the schema of its own branch, so that the message is about what the user wrote. */
export function parseSpec(spec: unknown): KindSpec | NamedSpec {
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

/** Check the description of files of a kind. */
export function parseKindSpec(spec: unknown): KindSpec {
  const parsed = parseSpec(spec);
  if ("kind" in parsed) return parsed;
  throw new FixynnError("FX2011", 'no "kind"', {
    place: "dataset",
    hint: `one of ${DATASET_KINDS.join(", ")}`,
  });
}
