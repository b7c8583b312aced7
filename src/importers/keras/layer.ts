import { z } from "zod";
import type { GraphBuilder, NodeName } from "../../graph/index.js";
import type { PaddingMode, Shape, Size2, Tensor } from "../../tensor/index.js";

/** What a layer needs to become graph nodes. */
export type LayerContext = {
  readonly name: string;
  readonly builder: GraphBuilder;
  /** The values that the layer reads. */
  readonly inputs: readonly NodeName[];
  /** Shape of the first of them. */
  readonly inputShape: Shape;
  /** Make a name for an additional node. */
  fresh(suffix: string): NodeName;
  /** Read a weight; roles are its accepted names. */
  weight(roles: readonly string[], shape: Shape): Tensor<"float32">;
};

/** Imports one class of Keras layers. */
export type LayerImporter = {
  /** Number of inputs. */
  readonly inputs: number;
  /** List what cannot be imported, as hints for the user, without reading weights. */
  check(config: unknown): readonly string[];
  /** Append the layer's nodes and return the name of its value. */
  build(config: unknown, context: LayerContext): NodeName;
};

/** Define a layer importer from the schema of the configuration fields that matter. */
export function defineLayer<C>(definition: {
  readonly schema: z.ZodType<C>;
  readonly inputs?: number;
  readonly check?: (config: C) => readonly (string | false)[];
  readonly build: (config: C, context: LayerContext) => NodeName;
}): LayerImporter {
  return {
    inputs: definition.inputs ?? 1,
    check(config) {
      const parsed = definition.schema.safeParse(config);
      if (!parsed.success) {
        return parsed.error.issues.map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`);
      }
      const problems = definition.check?.(parsed.data) ?? [];
      return problems.filter((problem) => problem !== false);
    },
    build: (config, context) => definition.build(definition.schema.parse(config), context),
  };
}

/** Height and width: Keras writes one number or a pair. */
export const sizeSchema: z.ZodType<Size2> = z
  .union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()])])
  .transform((value) =>
    typeof value === "number" ? { height: value, width: value } : { height: value[0], width: value[1] },
  );

/** `same` or `valid`. */
export const paddingSchema: z.ZodType<PaddingMode> = z
  .enum(["same", "valid"])
  .transform((kind): PaddingMode => ({ kind }));

/** Only images with the channels last. */
export const dataFormatSchema = z.string().nullish();

/** Complain about `channels_first`. */
export const dataFormatProblem = (format: string | null | undefined): string | false =>
  format === "channels_first" &&
  "data_format channels_first is not supported; rebuild the model with channels_last";
