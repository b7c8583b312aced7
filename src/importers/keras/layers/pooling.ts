import { z } from "zod";
import type { NodeName } from "../../../graph/index.js";
import {
  dataFormatProblem,
  dataFormatSchema,
  defineLayer,
  type LayerImporter,
  paddingSchema,
  sizeSchema,
} from "../layer.js";

const windowSchema = z.object({
  pool_size: sizeSchema,
  strides: sizeSchema.nullish(),
  padding: paddingSchema,
  data_format: dataFormatSchema,
});
const globalSchema = z.object({ data_format: dataFormatSchema, keepdims: z.boolean().optional() });

const windowLayer = (kind: "maxPool2d" | "averagePool2d"): LayerImporter =>
  defineLayer({
    schema: windowSchema,
    check: (config) => [dataFormatProblem(config.data_format)],
    build: (config, { builder, name, inputs }) =>
      builder.add({
        kind,
        name: name as NodeName,
        input: inputs[0]!,
        window: config.pool_size,
        stride: config.strides ?? config.pool_size,
        padding: config.padding,
      }),
  });

/** Pooling, windowed and global. */
export const poolingLayers: Readonly<Record<string, LayerImporter>> = {
  MaxPooling2D: windowLayer("maxPool2d"),
  AveragePooling2D: windowLayer("averagePool2d"),
  GlobalAveragePooling2D: defineLayer({
    schema: globalSchema,
    check: (config) => [dataFormatProblem(config.data_format)],
    build: (config, { builder, name, inputs }) =>
      builder.add({
        kind: "globalAveragePool2d",
        name: name as NodeName,
        input: inputs[0]!,
        keepDims: config.keepdims ?? false,
      }),
  }),
  /** A maximum over one window as large as the image, then flattened as `LAYER_flat`. */
  GlobalMaxPooling2D: defineLayer({
    schema: globalSchema,
    check: (config) => [dataFormatProblem(config.data_format)],
    build: (config, context) => {
      const [height = 1, width = 1, channels = 1] = context.inputShape;
      const pooled = context.builder.add({
        kind: "maxPool2d",
        name: context.name as NodeName,
        input: context.inputs[0]!,
        window: { height, width },
        stride: { height: 1, width: 1 },
        padding: { kind: "valid" },
      });
      if (config.keepdims) return pooled;
      return context.builder.add({
        kind: "reshape",
        name: context.fresh("flat"),
        input: pooled,
        shape: [channels],
      });
    },
  }),
};
