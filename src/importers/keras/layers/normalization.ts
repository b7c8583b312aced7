import { z } from "zod";
import { FixynnError } from "../../../core/index.js";
import type { NodeName } from "../../../graph/index.js";
import { type Tensor, tensor } from "../../../tensor/index.js";
import { defineLayer, type LayerImporter } from "../layer.js";

const constant = (channels: number, value: number): Tensor<"float32"> =>
  tensor("float32", [channels], new Float32Array(channels).fill(value));

/** Batch normalization; `scale` or `center` switched off become gamma 1 and beta 0. */
export const normalizationLayers: Readonly<Record<string, LayerImporter>> = {
  BatchNormalization: defineLayer({
    schema: z.object({
      axis: z.union([z.int(), z.array(z.int())]),
      epsilon: z.number().nonnegative(),
      center: z.boolean(),
      scale: z.boolean(),
    }),
    check: ({ axis }) => {
      const [only, ...others] = [axis].flat();
      const last = others.length === 0 && (only === -1 || only === 3 || only === 1);
      return [!last && "only normalization over the last axis is supported"];
    },
    build: (config, context) => {
      const { builder, name, inputs, inputShape } = context;
      const axis = [config.axis].flat()[0]!;
      if (axis !== -1 && axis !== inputShape.length) {
        throw new FixynnError("FX1003", `batch normalization over axis ${axis} is not over the channels`, {
          place: `layer ${name}`,
          hint: "rebuild the model with the channels last",
        });
      }
      const channels = inputShape.at(-1) ?? 0;
      return builder.add({
        kind: "batchNorm",
        name: name as NodeName,
        input: inputs[0]!,
        gamma: config.scale ? context.weight(["gamma"], [channels]) : constant(channels, 1),
        beta: config.center ? context.weight(["beta"], [channels]) : constant(channels, 0),
        mean: context.weight(["moving_mean"], [channels]),
        variance: context.weight(["moving_variance"], [channels]),
        epsilon: config.epsilon,
      });
    },
  }),
};
