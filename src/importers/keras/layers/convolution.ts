import { z } from "zod";
import type { NodeName } from "../../../graph/index.js";
import {
  dataFormatProblem,
  dataFormatSchema,
  defineLayer,
  type LayerContext,
  type LayerImporter,
  paddingSchema,
  sizeSchema,
} from "../layer.js";
import { activationProblem, activationSchema, applyActivation } from "./activation.js";

const common = z.object({
  kernel_size: sizeSchema,
  strides: sizeSchema,
  padding: paddingSchema,
  data_format: dataFormatSchema,
  dilation_rate: sizeSchema.optional(),
  activation: activationSchema,
  use_bias: z.boolean(),
});
const convSchema = common.extend({ filters: z.int().positive(), groups: z.int().optional() });
const depthwiseSchema = common.extend({ depth_multiplier: z.int().positive() });
const separableSchema = depthwiseSchema.extend({ filters: z.int().positive() });

function problems(config: z.infer<typeof common>): readonly (string | false)[] {
  const dilation = config.dilation_rate ?? { height: 1, width: 1 };
  return [
    dataFormatProblem(config.data_format),
    (dilation.height !== 1 || dilation.width !== 1) && "dilation_rate must be 1",
    activationProblem(config.activation),
  ];
}

function addDepthwise(
  context: LayerContext,
  config: z.infer<typeof depthwiseSchema>,
  options: { readonly name: NodeName; readonly useBias: boolean },
): NodeName {
  const channels = context.inputShape.at(-1) ?? 0;
  const { height, width } = config.kernel_size;
  const outChannels = channels * config.depth_multiplier;
  return context.builder.add({
    kind: "depthwiseConv2d",
    name: options.name,
    input: context.inputs[0]!,
    // Keras 3 calls the weight of a DepthwiseConv2D just "kernel".
    weights: context.weight(
      ["depthwise_kernel", "kernel"],
      [height, width, channels, config.depth_multiplier],
    ),
    bias: options.useBias ? context.weight(["bias"], [outChannels]) : undefined,
    stride: config.strides,
    padding: config.padding,
  });
}

/** Convolutions. */
export const convolutionLayers: Readonly<Record<string, LayerImporter>> = {
  Conv2D: defineLayer({
    schema: convSchema,
    check: (config) => [
      ...problems(config),
      (config.groups ?? 1) !== 1 && "groups must be 1; use DepthwiseConv2D, or split the layer",
    ],
    build: (config, context) => {
      const channels = context.inputShape.at(-1) ?? 0;
      const { height, width } = config.kernel_size;
      const conv = context.builder.add({
        kind: "conv2d",
        name: context.name as NodeName,
        input: context.inputs[0]!,
        weights: context.weight(["kernel"], [height, width, channels, config.filters]),
        bias: config.use_bias ? context.weight(["bias"], [config.filters]) : undefined,
        stride: config.strides,
        padding: config.padding,
      });
      return applyActivation(context, config.activation, conv);
    },
  }),
  DepthwiseConv2D: defineLayer({
    schema: depthwiseSchema,
    check: problems,
    build: (config, context) => {
      const options = { name: context.name as NodeName, useBias: config.use_bias };
      return applyActivation(context, config.activation, addDepthwise(context, config, options));
    },
  }),
  /** A depthwise convolution `LAYER_depthwise` without bias, then a pointwise one with the layer's name. */
  SeparableConv2D: defineLayer({
    schema: separableSchema,
    check: problems,
    build: (config, context) => {
      const depthwise = addDepthwise(context, config, { name: context.fresh("depthwise"), useBias: false });
      const channels = (context.inputShape.at(-1) ?? 0) * config.depth_multiplier;
      const pointwise = context.builder.add({
        kind: "conv2d",
        name: context.name as NodeName,
        input: depthwise,
        weights: context.weight(["pointwise_kernel"], [1, 1, channels, config.filters]),
        bias: config.use_bias ? context.weight(["bias"], [config.filters]) : undefined,
        stride: { height: 1, width: 1 },
        padding: { kind: "valid" },
      });
      return applyActivation(context, config.activation, pointwise);
    },
  }),
};
