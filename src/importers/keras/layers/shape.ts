import { z } from "zod";
import type { NodeName } from "../../../graph/index.js";
import { elementCount } from "../../../tensor/index.js";
import { dataFormatProblem, dataFormatSchema, defineLayer, type LayerImporter } from "../layer.js";

const natural = z.int().nonnegative();
const pair = z.tuple([natural, natural]);
const paddingSchema = z
  .union([natural, z.tuple([pair, pair]), pair])
  .transform((value): { kind: "explicit"; top: number; bottom: number; left: number; right: number } => {
    if (typeof value === "number")
      return { kind: "explicit", top: value, bottom: value, left: value, right: value };
    const [vertical, horizontal] = value;
    const [top, bottom] = typeof vertical === "number" ? [vertical, vertical] : vertical;
    const [left, right] = typeof horizontal === "number" ? [horizontal, horizontal] : horizontal;
    return { kind: "explicit", top, bottom, left, right };
  });

/** Layers that move values without computing: padding, reshaping, and dropout, which acts in training only. */
export const shapeLayers: Readonly<Record<string, LayerImporter>> = {
  ZeroPadding2D: defineLayer({
    schema: z.object({ padding: paddingSchema, data_format: dataFormatSchema }),
    check: (config) => [dataFormatProblem(config.data_format)],
    build: ({ padding }, { builder, name, inputs }) =>
      builder.add({ kind: "zeroPad2d", name: name as NodeName, input: inputs[0]!, padding }),
  }),
  Reshape: defineLayer({
    schema: z.object({ target_shape: z.array(z.int()).min(1).max(3) }),
    check: ({ target_shape: target }) => [
      (target.filter((extent) => extent === -1).length > 1 || target.some((e) => e < 1 && e !== -1)) &&
        "target_shape must have positive extents and at most one -1",
    ],
    build: ({ target_shape: target }, { builder, name, inputs, inputShape }) => {
      const known = target.filter((extent) => extent !== -1).reduce((a, b) => a * b, 1);
      const shape = target.map((extent) => (extent === -1 ? elementCount(inputShape) / known : extent));
      return builder.add({ kind: "reshape", name: name as NodeName, input: inputs[0]!, shape });
    },
  }),
  Flatten: defineLayer({
    schema: z.object({ data_format: dataFormatSchema }),
    check: (config) => [dataFormatProblem(config.data_format)],
    build: (_config, { builder, name, inputs, inputShape }) =>
      builder.add({
        kind: "reshape",
        name: name as NodeName,
        input: inputs[0]!,
        shape: [elementCount(inputShape)],
      }),
  }),
  Dropout: dropout(),
  SpatialDropout2D: dropout(),
};

function dropout(): LayerImporter {
  return defineLayer({
    schema: z.object({ rate: z.number().min(0).lt(1) }),
    build: ({ rate }, { builder, name, inputs }) =>
      builder.add({ kind: "dropout", name: name as NodeName, input: inputs[0]!, rate }),
  });
}
